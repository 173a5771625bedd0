/* args[] of swapped are its arguments the other way round. */
provider map {
	probe swapped(int a, char *b) : (char *b, int a);
	probe words(int a, string b) : (string b, int a);
};
