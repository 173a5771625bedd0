#define WHERE "from inc"
