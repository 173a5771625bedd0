/* The probes of the demonstration's request server. */
provider server {
	/* A request was read: its number and the path it asks for. */
	probe request__start(int id, char *path);
	/* A request was answered: its number and the size of the answer. */
	probe request__done(int id, size_t bytes);
};
