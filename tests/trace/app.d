/* The provider that the tracing tests' program fires. */
provider app {
	probe hit(long n, char *key);
	probe start__work(int threads);
};
