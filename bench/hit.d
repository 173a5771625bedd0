provider app {
	probe hit(long n, char *key);
};
