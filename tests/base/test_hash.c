/* SPDX-License-Identifier: BSD-2-Clause */
/* tests/base/test_hash.c: keys, order of insertion, removal. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int values[20000];

static void what_was_set_is_found(void **state)
{
	struct hash *h = hash_new();
	void *old;

	(void)state;
	assert_null(hash_get_str(h, "a"));
	assert_int_equal(hash_set_str(h, "a", &values[1]), 0);
	assert_int_equal(hash_set_str(h, "b", &values[2]), 0);
	assert_ptr_equal(hash_get_str(h, "a"), &values[1]);
	assert_ptr_equal(hash_get_str(h, "b"), &values[2]);
	assert_int_equal(hash_set(h, "a", 1, &values[3], &old), 0);
	assert_ptr_equal(old, &values[1]);
	assert_int_equal(hash_set(h, "c", 1, &values[4], &old), 0);
	assert_null(old);
	assert_ptr_equal(hash_get_str(h, "a"), &values[3]);
	assert_int_equal(hash_count(h), 3);
	hash_free(h, NULL);
}

static void keys_are_bytes_of_any_length(void **state)
{
	struct hash *h = hash_new();

	(void)state;
	hash_set(h, "", 0, &values[0], NULL);
	hash_set(h, "\0", 1, &values[1], NULL);
	hash_set(h, "\0\0", 2, &values[2], NULL);
	hash_set(h, "a\0b", 3, &values[3], NULL);
	hash_set(h, "a\0c", 3, &values[4], NULL);
	assert_int_equal(hash_count(h), 5);
	assert_ptr_equal(hash_get(h, "", 0), &values[0]);
	assert_ptr_equal(hash_get(h, "\0", 1), &values[1]);
	assert_ptr_equal(hash_get(h, "\0\0", 2), &values[2]);
	assert_ptr_equal(hash_get(h, "a\0c", 3), &values[4]);
	assert_null(hash_get(h, "a", 1));
	hash_free(h, NULL);
}

static void keys_are_copied(void **state)
{
	struct hash *h = hash_new();
	char key[] = "key";

	(void)state;
	hash_set_str(h, key, &values[1]);
	memset(key, 'x', 3);
	assert_ptr_equal(hash_get_str(h, "key"), &values[1]);
	assert_null(hash_get_str(h, "xxx"));
	hash_free(h, NULL);
}

/* More keys than buckets: chains form, grow and move. */
static void many_keys_in_order_of_insertion(void **state)
{
	struct hash *h = hash_new();
	const void *key;
	void *value;
	size_t at = 0, len;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = i * 2654435761u;

		assert_int_equal(hash_set(h, &k, sizeof(k), &values[i], NULL), 0);
	}
	while (hash_next(h, &at, &key, &len, &value)) {
		unsigned k = n * 2654435761u;

		assert_int_equal(len, sizeof(k));
		assert_memory_equal(key, &k, sizeof(k));
		assert_ptr_equal(value, &values[n++]);
	}
	assert_int_equal(n, 20000);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned k = i * 2654435761u;

		assert_ptr_equal(hash_get(h, &k, sizeof(k)), &values[i]);
	}
	hash_free(h, NULL);
}

static void removed_keys_are_gone_and_others_are_not(void **state)
{
	struct hash *h = hash_new();
	unsigned left = 0;

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		hash_set(h, &i, sizeof(i), &values[i], NULL);
	for (unsigned i = 0; i < 5000; i += 3)
		assert_ptr_equal(hash_remove(h, &i, sizeof(i)), &values[i]);
	for (unsigned i = 0; i < 5000; i++) {
		assert_ptr_equal(hash_get(h, &i, sizeof(i)), i % 3 ? &values[i] : NULL);
		left += i % 3 != 0;
	}
	assert_int_equal(hash_count(h), left);
	left = 0;
	assert_null(hash_remove(h, &left, sizeof(left)));
	hash_free(h, NULL);
}

/* Used as a queue, the table must not grow with the number of removed keys. */
static void set_and_remove_for_ever(void **state)
{
	struct hash *h = hash_new();
	const void *key;
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		unsigned gone = i - 3;

		hash_set(h, &i, sizeof(i), &values[i % 100], NULL);
		if (i >= 3)
			assert_ptr_equal(hash_remove(h, &gone, sizeof(gone)), &values[gone % 100]);
	}
	assert_int_equal(hash_count(h), 3);
	for (unsigned i = 299997; i < 300000; i++) {
		assert_true(hash_next(h, &at, &key, NULL, NULL));
		assert_memory_equal(key, &i, sizeof(i));
	}
	assert_false(hash_next(h, &at, NULL, NULL, NULL));
	hash_free(h, NULL);
}

static void a_key_that_comes_back_is_last(void **state)
{
	struct hash *h = hash_new();
	const void *key;
	size_t at = 0, len;
	char order[8] = "";

	(void)state;
	hash_set_str(h, "a", &values[0]);
	hash_set_str(h, "b", &values[1]);
	hash_remove(h, "a", 1);
	hash_set_str(h, "a", &values[2]);
	hash_set_str(h, "b", &values[3]); /* a replaced value keeps its place */
	while (hash_next(h, &at, &key, &len, NULL))
		strncat(order, key, len);
	assert_string_equal(order, "ba");
	hash_free(h, NULL);
}

static void the_current_entry_may_be_removed(void **state)
{
	struct hash *h = hash_new();
	const void *key;
	size_t at = 0, len;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		hash_set(h, &i, sizeof(i), &values[i], NULL);
	while (hash_next(h, &at, &key, &len, NULL)) {
		unsigned k;

		memcpy(&k, key, sizeof(k));
		assert_int_equal(k, n++);
		assert_ptr_equal(hash_remove(h, &k, sizeof(k)), &values[k]);
	}
	assert_int_equal(n, 100);
	assert_int_equal(hash_count(h), 0);
	hash_free(h, NULL);
}

static unsigned freed;

static void free_one(void *value)
{
	free(value);
	freed++;
}

static void values_are_freed_once_each(void **state)
{
	struct hash *h = hash_new();

	(void)state;
	freed = 0;
	for (unsigned i = 0; i < 10; i++)
		hash_set(h, &i, sizeof(i), malloc(1), NULL);
	for (unsigned i = 0; i < 4; i++)
		free(hash_remove(h, &i, sizeof(i)));
	hash_free(h, free_one);
	assert_int_equal(freed, 6);
	hash_free(NULL, free_one);
	hash_free(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_set_is_found),
		cmocka_unit_test(keys_are_bytes_of_any_length),
		cmocka_unit_test(keys_are_copied),
		cmocka_unit_test(many_keys_in_order_of_insertion),
		cmocka_unit_test(removed_keys_are_gone_and_others_are_not),
		cmocka_unit_test(set_and_remove_for_ever),
		cmocka_unit_test(a_key_that_comes_back_is_last),
		cmocka_unit_test(the_current_entry_may_be_removed),
		cmocka_unit_test(values_are_freed_once_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
