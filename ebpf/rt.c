/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ebpf/rt.c: claims, strings, bytes, records, keys, buckets: rt.h says what each does.
 * In:   offsets in a scratch slot, addresses, numbers; numbers and maps by name.
 * Out:  clang's object, from which embed.py makes a table.
 * Owns: nothing.
 *
 * How it satisfies the verifier, from 6.1 on:
 *   - at() compares an offset with the slot's size just before it makes a pointer; the empty asm
 *     keeps clang from comparing one register and adding another;
 *   - every routine tests the slot for NULL itself: if at() does it, clang makes one test of the
 *     slot and the pointer, and the verifier sees arithmetic on a pointer that may be NULL;
 *   - a copy of unknown length goes in pieces of up to PIECE bytes by a helper, or by words if it
 *     is short, which is faster than a helper's call. The slot ends in a pad of one piece;
 *   - loops end at a number known when loading (NUMBER), and have few instructions.
 */
#include "ebpf/bpf.h"
#include "ebpf/rt.h"

enum { PIECE = RT_SLOT_PAD, SHORT = 64, PAGE = 4096 };

HELPER(long, probe_read_user, 112, void *dst, uint32_t size, uint64_t addr);
HELPER(long, probe_read_kernel, 113, void *dst, uint32_t size, uint64_t addr);
HELPER(long, probe_read_user_str, 114, void *dst, uint32_t size, uint64_t addr);
HELPER(long, probe_read_kernel_str, 115, void *dst, uint32_t size, uint64_t addr);
HELPER(long, copy_from_user, 148, void *dst, uint32_t size, uint64_t addr);

#define SLOT_SIZE NUMBER(slot_size)
#define STRSIZE NUMBER(strsize)
#define GLOBALS_SIZE NUMBER(globals_size)
#define CPU_MASK NUMBER(cpu_mask)
#define ROUND8(n) (((n) + 7) & ~7ull)

/* The `room` bytes at off, or NULL. */
INLINE void *at(struct rt_scratch *s, uint64_t off, uint64_t room)
{
	uint64_t size = SLOT_SIZE - room;

	OPAQUE(off);
	if (off > size)
		return 0;
	return (char *)s + off;
}

/* The string at off: length and bytes, without the last word of its room. */
INLINE struct rt_str *str_at(struct rt_scratch *s, uint64_t off)
{
	return at(s, off, ROUND8(STRSIZE) + 8);
}

/* A length in memory is not trusted: above the limit it is cut. */
INLINE uint64_t str_len(const struct rt_str *str)
{
	uint64_t len = str->len, max = STRSIZE - 1;

	OPAQUE(len);
	if (len > max)
		len = max;
	return len;
}

/* Writes a string's length, NUL and zeros. len < strsize. */
INLINE int64_t seal(struct rt_str *str, uint64_t len)
{
	uint64_t max = STRSIZE - 1, word, end = max & ~7ull;
	uint64_t *last;

	OPAQUE(len);
	if (len > max)
		len = max;
	word = len & ~7ull;
	OPAQUE(word);
	if (word > end) /* never: after the mask the verifier knows no such bound */
		return RT_EROOM;
	last = (uint64_t *)(str->s + word);
	*last &= (1ull << ((len & 7) * 8)) - 1;
	str->len = len;
	return len;
}

/* ---- Claims ------------------------------------------------------------------------------ */

INLINE uint64_t log2_floor(uint64_t v)
{
	uint64_t n = 0;

	if (v >> 32)
		v >>= 32, n += 32;
	if (v >> 16)
		v >>= 16, n += 16;
	if (v >> 8)
		v >>= 8, n += 8;
	if (v >> 4)
		v >>= 4, n += 4;
	if (v >> 2)
		v >>= 2, n += 2;
	return n + (v >> 1);
}

/* Another task or an interrupt may take the slot first: then the next slot is tried. */
int64_t rt_scratch_claim(uint64_t cpu)
{
	struct rt_cpu *cpus = VALUE(cpus);
	uint64_t mask = CPU_MASK, *word;

	cpu &= mask;
	OPAQUE(cpu);
	if (cpu > mask)
		return -1;
	word = &cpus[cpu].scratch;
	for (int i = 0; i < RT_SLOTS; i++) {
		uint64_t taken = *(volatile uint64_t *)word, bit = ~taken & (taken + 1);

		if (!bit)
			return -1;
		if (!(atomic_or(word, bit) & bit))
			return log2_floor(bit);
	}
	return -1;
}

/* ---- Bytes ------------------------------------------------------------------------------- */

enum from { USER, USER_SLEEP, KERNEL };

INLINE long read_piece(enum from from, void *dst, uint32_t n, uint64_t addr)
{
	if (from == KERNEL)
		return probe_read_kernel(dst, n, addr);
	long err = probe_read_user(dst, n, addr);
	if (err && from == USER_SLEEP)
		err = copy_from_user(dst, n, addr);
	return err;
}

INLINE int64_t read_bytes(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len,
			  enum from from)
{
	uint64_t pieces = SLOT_SIZE / PIECE;
	void *p;

	if (!s)
		return RT_EROOM;
	for (uint64_t i = 0; i < pieces && len > PIECE; i++) {
		p = at(s, dst, PIECE);
		if (!p)
			return RT_EROOM;
		if (read_piece(from, p, PIECE, addr))
			return RT_EFAULT;
		dst += PIECE;
		addr += PIECE;
		len -= PIECE;
	}
	OPAQUE(len);
	if (len > PIECE)
		return RT_EROOM;
	p = at(s, dst, PIECE);
	if (!p)
		return RT_EROOM;
	if (len && read_piece(from, p, len, addr))
		return RT_EFAULT;
	return 0;
}

int64_t rt_copyin(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len)
{
	return read_bytes(s, dst, addr, len, USER);
}

int64_t rt_copyin_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len)
{
	return read_bytes(s, dst, addr, len, USER_SLEEP);
}

int64_t rt_kread(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t len)
{
	return read_bytes(s, dst, addr, len, KERNEL);
}

int64_t rt_copy(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t len)
{
	if (!s)
		return RT_EROOM;
	if (len <= SHORT && !((dst | src | len) & 7)) {
		uint64_t *to = at(s, dst, SHORT), *from = at(s, src, SHORT);

		if (!to || !from)
			return RT_EROOM;
		for (uint64_t i = 0; i < SHORT / 8; i++) {
			if (i * 8 >= len)
				break;
			to[i] = from[i];
		}
		return 0;
	}
	if (src > SLOT_SIZE || len > SLOT_SIZE - src) /* the source must be in the slot, too */
		return RT_EROOM;
	return read_bytes(s, dst, (uint64_t)s + src, len, KERNEL);
}

/* The piece's last word is zeroed before the copy: then the byte behind the piece ends a string. */
INLINE int64_t heap_copyin(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
			   uint64_t len, enum from from)
{
	struct rt_heap *h;
	uint64_t start, *last;
	int64_t err;

	if (!s)
		return RT_EROOM;
	h = at(s, heap, sizeof(*h));
	if (!h)
		return RT_EROOM;
	start = h->used ? ROUND8(h->used + 1) : 0;
	if (len >= room || start >= room - len)
		return RT_EROOM;
	last = at(s, heap + sizeof(*h) + start + (len & ~7ull), 8);
	if (!last)
		return RT_EROOM;
	*last = 0;
	err = read_bytes(s, heap + sizeof(*h) + start, addr, len, from);
	if (err)
		return err;
	h->used = start + len;
	return start;
}

int64_t rt_heap_copyin(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
		       uint64_t len)
{
	return heap_copyin(s, heap, room, addr, len, USER);
}

int64_t rt_heap_copyin_sleep(struct rt_scratch *s, uint64_t heap, uint64_t room, uint64_t addr,
			     uint64_t len)
{
	return heap_copyin(s, heap, room, addr, len, USER_SLEEP);
}

/* ---- Arguments --------------------------------------------------------------------------- */

/* The words of a context must be loaded at constant offsets: the verifier takes no others. */
#define REG(n) \
	case n: asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(v) : "r"(ctx), "i"(8 * n)); break;
INLINE uint64_t reg(const struct rt_regs *ctx, uint64_t word)
{
	uint64_t v = 0;

	/* clang-format off */
	switch (word) {
	REG(0) REG(1) REG(2) REG(3) REG(4) REG(5) REG(6) REG(7) REG(8) REG(9) REG(10)
	REG(11) REG(12) REG(13) REG(14) REG(15) REG(16) REG(17) REG(18) REG(19) REG(20)
	}
	/* clang-format on */
	return v;
}

INLINE uint64_t extend(uint64_t v, const struct rt_place *at)
{
	uint64_t unused = (64 - 8 * at->size) & 63;

	v <<= unused;
	return at->is_signed ? (uint64_t)((int64_t)v >> unused) : v >> unused;
}

INLINE int64_t user_value(const struct rt_place *at, uint64_t addr, uint64_t *v)
{
	uint64_t buf[2] = { 0, 0 }, size = at->size & 15; /* 1 to 8, but the verifier must see it */

	if (at->narrow)
		addr = (uint32_t)addr;
	*v = addr;
	OPAQUE(size);
	if (read_piece(USER_SLEEP, buf, size & 15, addr))
		return RT_FLT_BADADDR;
	*v = extend(buf[0], at);
	return 0;
}

int64_t rt_arg(struct rt_regs *ctx, struct rt_fire *fire, uint64_t where, int64_t disp)
{
	union {
		uint64_t words[2];
		struct rt_place at;
	} place = { { where, disp } };
	const struct rt_place *at = &place.at;
	uint64_t base, v = disp;
	int64_t fault = 0;

	if (!fire)
		return RT_FLT_ILLOP;
	base = reg(ctx, at->base);
	if (at->kind == RT_PLACE_REG)
		v = extend(base >> (at->shift & 63), at);
	else if (at->kind == RT_PLACE_USER)
		fault = user_value(at, base + reg(ctx, at->index) * at->scale + disp, &v);
	else if (at->kind == RT_PLACE_PAIR)
		v = reg(ctx, at->index) << 32 | (uint32_t)base;
	else if (at->kind == RT_PLACE_NONE)
		v = 0;
	else if (at->kind != RT_PLACE_CONST)
		fault = RT_FLT_ILLOP;
	fire->err[4] = v;
	return fault;
}

/* ---- Strings ----------------------------------------------------------------------------- */

/* Bytes to ask for, NUL included: 1..strsize. */
INLINE uint64_t str_limit(uint64_t max)
{
	uint64_t limit = STRSIZE - 1;

	OPAQUE(max);
	if (max > limit)
		max = limit;
	return max + 1;
}

INLINE int64_t read_str(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max,
			enum from from)
{
	struct rt_str *str;
	uint64_t limit = str_limit(max);
	long n;

	if (!s)
		return RT_EROOM;
	str = str_at(s, dst);
	if (!str)
		return RT_EROOM;
	if (!max) /* not even the first byte is asked for */
		return seal(str, 0);
	n = from == KERNEL ? probe_read_kernel_str(str->s, limit, addr) :
			     probe_read_user_str(str->s, limit, addr);
	/* Kernels before 6.13 give 0, not 1, for an empty string in user memory. */
	if (n >= 0)
		return seal(str, n ? n - 1 : 0);
	seal(str, 0);
	return RT_EFAULT;
}

int64_t rt_copyinstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max)
{
	return read_str(s, dst, addr, max, USER);
}

int64_t rt_kstr(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max)
{
	return read_str(s, dst, addr, max, KERNEL);
}

int64_t rt_slot_str(struct rt_scratch *s, uint64_t dst, uint64_t src, uint64_t max)
{
	if (!s || src > SLOT_SIZE || max > SLOT_SIZE - src)
		return RT_EROOM;
	return read_str(s, dst, (uint64_t)s + src, max, KERNEL);
}

int64_t rt_str_pad(struct rt_scratch *s, uint64_t str)
{
	struct rt_str *of;
	uint64_t from, words = ROUND8(STRSIZE) / 8;

	if (!s)
		return RT_EROOM;
	of = str_at(s, str);
	if (!of)
		return RT_EROOM;
	from = ROUND8(str_len(of) + 1) / 8;
	/* The words are zeroed by a mask, which clang must not make a branch of: the verifier walks
	 * the loop anew for each branch that is taken in it. */
	for (uint64_t i = 0; i < words; i++) {
		uint64_t keep = i - from;

		asm volatile("%0 s>>= 63" : "+r"(keep));
		((uint64_t *)of->s)[i] &= keep;
	}
	return 0;
}

/*
 * The slow way after a fault. A piece crosses no page, so that only the pages of the string are
 * touched. A string copy of the piece onto itself finds the NUL (a NUL stands behind the piece):
 * the verifier has no loop to walk. This is a function of its own, because its branches times the
 * number of pieces were more than the verifier takes with strings of 16 KB.
 */
int64_t rt_user_piece(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t left)
{
	uint64_t n = PIECE - (addr & (PIECE - 1)); /* pages are whole pieces */
	char *p;
	long got;

	if (!s)
		return RT_EROOM;
	p = at(s, dst, PIECE + 1);
	if (!p)
		return RT_EROOM;
	if (n > left)
		n = left;
	OPAQUE(n);
	if (!n || n > PIECE)
		return RT_EROOM;
	if (copy_from_user(p, n, addr))
		return RT_EFAULT;
	p[n] = 0;
	got = probe_read_kernel_str(p, n + 1, (uint64_t)p) - 1;
	if (got < 0)
		return RT_EFAULT;
	return (uint64_t)got | (uint64_t)(got < (long)n || n == left) << 32;
}

/* Copies a string piece by piece. A page that does not exist is a fault, unless the string ends
 * before that page. */
INLINE int64_t fault_in(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t left)
{
	uint64_t done = 0, pieces = STRSIZE / PIECE + 2;

	for (uint64_t i = 0; i < pieces && left; i++) {
		int64_t got = rt_user_piece(s, dst + 8 + done, addr + done, left - done);

		if (got < 0)
			return got;
		done += got & 0xffffffff;
		if (got >> 32)
			break;
	}
	return done;
}

int64_t rt_copyinstr_sleep(struct rt_scratch *s, uint64_t dst, uint64_t addr, uint64_t max)
{
	int64_t n = read_str(s, dst, addr, max, USER);
	struct rt_str *str;

	if (n >= 0 || !s)
		return n;
	n = fault_in(s, dst, addr, str_limit(max) - 1);
	str = str_at(s, dst);
	if (!str)
		return RT_EROOM;
	if (n >= 0)
		return seal(str, n);
	seal(str, 0);
	return n;
}

int64_t rt_str_end(struct rt_scratch *s, uint64_t dst, uint64_t len)
{
	struct rt_str *str;

	if (!s)
		return RT_EROOM;
	str = str_at(s, dst);
	return str ? seal(str, len) : RT_EROOM;
}

/* Words in big-endian order compare as their bytes do. The zeros behind a NUL never decide before
 * the NUL does. The loop ends with the word that holds the shorter string's NUL. */
int64_t rt_strcmp(struct rt_scratch *s, uint64_t a, uint64_t b)
{
	uint64_t words = ROUND8(STRSIZE) / 8, len;
	struct rt_str *x, *y;

	if (!s)
		return RT_EROOM;
	x = str_at(s, a);
	y = str_at(s, b);
	if (!x || !y)
		return RT_EROOM;
	len = x->len < y->len ? x->len : y->len;
	for (uint64_t i = 0; i < words; i++) {
		uint64_t v = ((uint64_t *)x->s)[i], w = ((uint64_t *)y->s)[i];

		if (v != w)
			return __builtin_bswap64(v) < __builtin_bswap64(w) ? -1 : 1;
		if ((i + 1) * 8 > len)
			break;
	}
	return 0;
}

int64_t rt_strcpy(struct rt_scratch *s, uint64_t dst, uint64_t src)
{
	struct rt_str *from;
	uint64_t len;
	int64_t err;

	if (!s)
		return RT_EROOM;
	from = str_at(s, src);
	if (!from)
		return RT_EROOM;
	len = str_len(from);
	if (dst == src)
		return len;
	err = rt_copy(s, dst, src, 8 + ROUND8(len + 1));
	return err ? err : (int64_t)len;
}

int64_t rt_strjoin(struct rt_scratch *s, uint64_t dst, uint64_t a, uint64_t b)
{
	struct rt_str *from;
	uint64_t len, rest;
	int64_t first;

	if (!s)
		return RT_EROOM;
	first = rt_strcpy(s, dst, a);
	from = str_at(s, b);
	if (first < 0 || !from)
		return RT_EROOM;
	len = str_len(from);
	rest = STRSIZE - 1 - first;
	if (len > rest)
		len = rest;
	if (rt_copy(s, dst + 8 + first, b + 8, len))
		return RT_EROOM;
	return rt_str_end(s, dst, first + len);
}

/* A word takes the digits, the first digit in its lowest byte. The word may end behind the string's
 * bytes: a string's room has a word more. */
int64_t rt_str_number(struct rt_scratch *s, uint64_t dst, uint64_t n)
{
	uint64_t digits = 0, len = 0, first, rest, *to;
	struct rt_str *str;

	if (!s)
		return RT_EROOM;
	str = str_at(s, dst);
	if (!str)
		return RT_EROOM;
	first = str_len(str);
	for (int i = 0; i < 8; i++) {
		digits = digits << 8 | ('0' + n % 10);
		n /= 10;
		len++;
		if (!n)
			break;
	}
	to = at(s, dst + 8 + first, 8);
	if (!to)
		return RT_EROOM;
	*to = digits;
	rest = STRSIZE - 1 - first;
	return rt_str_end(s, dst, first + (len < rest ? len : rest));
}

/* In DTrace's order: first the position, then the length that is left from there. */
int64_t rt_substr(struct rt_scratch *s, uint64_t dst, uint64_t src, int64_t pos, int64_t len)
{
	struct rt_str *from;
	int64_t have;

	if (!s)
		return RT_EROOM;
	from = str_at(s, src);
	if (!from)
		return RT_EROOM;
	have = str_len(from);
	if (pos < 0) {
		pos += have;
		if (pos < 0 && len > 0 && len > -pos) { /* begins before the string */
			len += pos;
			pos = 0;
		}
	}
	if (pos < 0 || pos >= have)
		len = 0;
	else if (len < 0)
		len += have - pos;
	else if (len > have - pos)
		len = have - pos;
	if (len < 0)
		len = 0;
	/* The position may be anywhere if there are no bytes to copy. */
	if (len && rt_copy(s, dst + 8, src + 8 + pos, len))
		return RT_EROOM;
	return rt_str_end(s, dst, len);
}

INLINE char *global_at(uint64_t goff)
{
	uint64_t last = GLOBALS_SIZE - ROUND8(STRSIZE);

	OPAQUE(goff);
	if (goff > last)
		return 0;
	return (char *)VALUE(globals) + goff;
}

int64_t rt_gstr_load(struct rt_scratch *s, uint64_t dst, uint64_t goff)
{
	char *global = global_at(goff);

	if (!global)
		return RT_EROOM;
	return read_str(s, dst, (uint64_t)global, STRSIZE,
			KERNEL); /* inline: a call would lose the pointer */
}

int64_t rt_gstr_store(struct rt_scratch *s, uint64_t src, uint64_t goff)
{
	char *global = global_at(goff);
	struct rt_str *from;
	uint64_t len;

	if (!global || !s)
		return RT_EROOM;
	from = str_at(s, src);
	if (!from)
		return RT_EROOM;
	len = str_len(from) + 1;
	if (probe_read_kernel(global, len, (uint64_t)from->s))
		return RT_EFAULT;
	return len - 1;
}

/* ---- Stacks -------------------------------------------------------------------------------- */

int64_t rt_frames(struct rt_scratch *s, uint64_t off, uint64_t room, uint64_t fp, uint64_t word)
{
	uint64_t n = 0;

	if (!s)
		return RT_EROOM;
	for (int i = 0; i < RT_FRAMES_MAX && n < room; i++) {
		uint64_t wide[2], *to = at(s, off + n, 8);
		uint32_t narrow[2];

		if (!to)
			return RT_EROOM;
		if (word == 8 ? probe_read_user(wide, sizeof(wide), fp) :
				probe_read_user(narrow, sizeof(narrow), fp))
			break;
		fp = word == 8 ? wide[0] : narrow[0];
		*to = word == 8 ? wide[1] : narrow[1];
		n += 8;
	}
	return n;
}

/* ---- Records and keys ---------------------------------------------------------------------- */

INLINE int64_t append(struct rt_scratch *s, uint64_t rec, uint64_t field, uint64_t len,
		      uint64_t room, uint64_t tail)
{
	uint64_t *last = at(s, rec + tail + room - (room ? 8 : 0), 8);
	struct rt_var *var = at(s, rec + field, 8);

	if (!last || !var)
		return RT_EROOM;
	if (room)
		*last = 0; /* the padding; the copy follows */
	var->off = tail;
	var->len = len;
	return 0;
}

int64_t rt_rec_str(struct rt_scratch *s, uint64_t rec, uint64_t field, uint64_t src, uint64_t tail)
{
	struct rt_str *from;
	uint64_t len, room;

	if (!s)
		return RT_EROOM;
	from = str_at(s, src);
	if (!from)
		return RT_EROOM;
	len = str_len(from);
	room = ROUND8(len + 1);
	if (append(s, rec, field, len, room, tail) || rt_copy(s, rec + tail, src + 8, room))
		return RT_EROOM;
	return tail + room;
}

int64_t rt_rec_bytes(struct rt_scratch *s, uint64_t rec, uint64_t field, uint64_t src, uint64_t len)
{
	uint64_t tail = field >> 32, room = ROUND8(len);

	if (!s || len > SLOT_SIZE)
		return RT_EROOM;
	if (append(s, rec, field & 0xffffffff, len, room, tail) || rt_copy(s, rec + tail, src, len))
		return RT_EROOM;
	return tail + room;
}

int64_t rt_key_str(struct rt_scratch *s, uint64_t off, uint64_t src)
{
	struct rt_str *from;
	uint64_t room;

	if (!s)
		return RT_EROOM;
	from = str_at(s, src);
	if (!from)
		return RT_EROOM;
	room = ROUND8(str_len(from) + 1);
	return rt_copy(s, off, src + 8, room) ? RT_EROOM : (int64_t)(off + room);
}

INLINE int64_t zero(struct rt_scratch *s, uint64_t off, uint64_t len)
{
	for (uint64_t i = 0; i < RT_KEY_CLASS_MAX / 8; i++) {
		uint64_t *p;

		if (len < 8)
			return 0;
		p = at(s, off, 8);
		if (!p)
			return RT_EROOM;
		*p = 0;
		off += 8;
		len -= 8;
	}
	return len ? RT_EROOM : 0;
}

int64_t rt_key_fill(struct rt_scratch *s, uint64_t off, uint64_t len)
{
	uint64_t class = RT_KEY_CLASS_MIN;

	if (!s || len > RT_KEY_CLASS_MAX)
		return RT_EROOM;
	if (len > class)
		class = 2ull << log2_floor(len - 1);
	return zero(s, off + len, class - len) ? RT_EROOM : (int64_t) class;
}

/* ---- Buckets --------------------------------------------------------------------------------- */

/* INT64_MIN has no bucket of its own: it is counted in the lowest. */
int64_t rt_quantize_bucket(int64_t v)
{
	uint64_t n = v < 0 ? -(uint64_t)v : (uint64_t)v, k;

	if (!n)
		return RT_QUANTIZE_ZERO;
	k = log2_floor(n);
	if (v > 0)
		return RT_QUANTIZE_ZERO + 1 + k;
	return k > RT_QUANTIZE_ZERO - 1 ? 0 : RT_QUANTIZE_ZERO - 1 - k;
}

/* Unsigned differences: they cannot overflow, and eBPF before v4 divides unsigned only. */
int64_t rt_lquantize_bucket(int64_t v, int64_t base, int64_t limit, int64_t step)
{
	uint64_t levels, level;

	if (v < base || step <= 0 || limit <= base)
		return 0;
	levels = ((uint64_t)limit - (uint64_t)base) / (uint64_t)step;
	level = ((uint64_t)v - (uint64_t)base) / (uint64_t)step;
	return level < levels ? level + 1 : levels + 1;
}
