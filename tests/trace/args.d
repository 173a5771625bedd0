provider vals {
	probe ints(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f, int64_t g, uint64_t h, char *i, unsigned char j);
	probe mem(int a, short b, signed char c, long long d, unsigned e, int f);
	probe konst(int a, long long b, unsigned c, char d);
	probe reals(double a, float b, double c, float d);
	probe many(int a, int b);
};
