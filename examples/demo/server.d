/* The probes of the demonstration's request server. */
provider server {
	/* A request was read: its number and what it asks for. */
	probe request__start(int id, char *path);
	/* It was answered: its number, the answer's bytes. */
	probe request__done(int id, size_t bytes);
};
