/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usdt/sdt.h: probe sites for C and C++, in one header that needs no other
 * header and no library.
 *
 *	USDT_PROBE2(app, request__start, id, url);
 *
 * A site is a nop and a note (.note.stapsdt, as <sys/sdt.h> writes it) that
 * says where the arguments are when the nop runs. No instruction is added to
 * compute them, so an argument that takes time belongs under a test:
 *
 *	USDT_SEMAPHORE(app, request__done);	(once in a source file, at its top)
 *	if (USDT_ENABLED(app, request__done))
 *		USDT_SEM_PROBE1(app, request__done, slow(id));
 *
 * Arguments: up to 12 integers, pointers, floats or arrays (as pointers). An
 * argument of more than 8 bytes (long double, __int128, a struct) is an error.
 * Names are written without quotes and must not be macros. Tracers show `a__b`
 * as a-b.
 *
 * Before you include this header you may define
 *	USDT_DISABLE		all macros compile to nothing (as off Linux)
 *	USDT_PLAIN_NOP		one nop a site, where 11 bytes are too many
 *	USDT_ARG_CONSTRAINT	where arguments may be, "nor" by default
 *
 * dtrace -h puts a copy of this header into the header that it generates.
 */
#ifndef USDT_SDT_H
#define USDT_SDT_H 1

#if defined __linux__ && defined __ELF__ && defined __GNUC__ && !defined USDT_DISABLE &&          \
	(defined __x86_64__ || defined __i386__ || defined __aarch64__)
#define USDT_SITES_ 1
#else
#define USDT_SITES_ 0
#endif

#if USDT_SITES_

#ifndef USDT_ARG_CONSTRAINT
#define USDT_ARG_CONSTRAINT "nor"
#define USDT_IN_MEMORY_ 1
#endif

/*
 * The note points at the first nop. Kernels that replace a longer nop by a call
 * need ten bytes, because the call must first step over the red zone; five
 * bytes would only do for a call that overwrites it.
 */
#if defined __x86_64__ && !defined USDT_PLAIN_NOP
#define USDT_NOP_ "nop\n\t.byte 0x66,0x2e,0x0f,0x1f,0x84,0,0,0,0,0"
#else
#define USDT_NOP_ "nop"
#endif

/* A site has 11 bytes, however long its text is: "inline" keeps compilers from counting lines. */
#if (__GNUC__ >= 9 && !defined __clang__) || (defined __clang__ && __clang_major__ >= 11)
#define USDT_ASM_ __asm__ __inline__ __volatile__
#else
#define USDT_ASM_ __asm__ __volatile__
#endif

#ifdef __LP64__
#define USDT_ADDR_ "\t.8byte "
#else
#define USDT_ADDR_ "\t.4byte "
#endif

#ifdef __i386__	/* a char may be in a register without a one-byte name */
#define USDT_OPERAND_(n) "%k[usdt_a" #n "]"
#else
#define USDT_OPERAND_(n) "%[usdt_a" #n "]"
#endif

/* [-]SIZE[f]@OPERAND. %c[usdt_s] is size * 4 + is_signed * 2 + is_float; up to three digits. */
#define USDT_WHAT_(n) "%c[usdt_s" #n "]"
#define USDT_DIGIT_(n, unit)                                                                      \
	"\t.if " USDT_WHAT_(n) ">=4*" #unit "\n"                                                  \
	"\t.byte 48+" USDT_WHAT_(n) "/(4*" #unit ")-" USDT_WHAT_(n) "/(40*" #unit ")*10\n"        \
	"\t.endif\n"
#define USDT_FORMAT_(n)                                                                           \
	"\t.if " USDT_WHAT_(n) "&2\n\t.ascii \"-\"\n\t.endif\n"                                   \
	USDT_DIGIT_(n, 100) USDT_DIGIT_(n, 10) USDT_DIGIT_(n, 1)                                  \
	"\t.if " USDT_WHAT_(n) "&1\n\t.ascii \"f\"\n\t.endif\n"                                   \
	"\t.ascii \"@" USDT_OPERAND_(n) "\"\n"
#define USDT_BLANK_ "\t.ascii \" \"\n"

/* Readers expect operands in AT&T syntax. In Intel syntax a constant 7 would read as an address. */
#if defined __x86_64__ || defined __i386__
#define USDT_ATT_                                                                                 \
	"{|\t.error \"usdt/sdt.h: arguments of probes need AT&T syntax: no -masm=intel here\"\n}"
#else
#define USDT_ATT_
#endif

/*
 * gcc names variables in operands: 4@count(%rip), 8@table+16(,%rax,8). strip
 * removes such names, and several variables of a file may share one. So a
 * second note (docs/operand-note.md) keeps the displacement, as the last bytes
 * of an instruction that the linker completes. The first letter of an operand
 * that is neither a digit nor a sign tells its kind: % a register, $ a
 * constant, ( no symbol, else a symbol. An operand with a relocation of its own
 * (x@tpoff), other than GOTOFF, has no such note.
 *
 * clang names no variables, but it names its own labels of floating-point
 * constants, which are in no symbol table: 8f@.LCPI0_0(%rip). Its assembler
 * cannot take an operand apart, so each float has a note unless it is in a
 * register; readers use the notes of operands whose text has a name.
 */
#if defined __x86_64__ || defined __i386__
#ifdef __i386__
#define USDT_LEA_ "%%eax"
#else
#define USDT_LEA_ "%%rax"
#endif
#define USDT_OPERAND_NOTE_(n, form, insn)                                                         \
	"\t.pushsection .note.usdtkit.operands,\"a?\",\"note\"\n"                                 \
	"\t.balign 4\n"                                                                           \
	"\t.4byte 992f-991f,994f-993f,2\n"                                                        \
	"991:\t.asciz \"usdtkit\"\n"                                                              \
	"992:\t.balign 4\n"                                                                       \
	"993:\t.4byte 990b-.\n"                                                                   \
	"\t.byte " #n "-1," #form "\n"                                                            \
	insn                                                                                      \
	"994:\t.balign 4\n"                                                                       \
	"\t.popsection\n"
#endif
#if defined USDT_IN_MEMORY_ && defined __clang__ && (defined __x86_64__ || defined __i386__)
#define USDT_KEEP_(n)                                                                             \
	"\t.if " USDT_WHAT_(n) "&1\n"                                                             \
	"\t.set .Lusdt.k,0\n"                                                                     \
	"\t.irp usdt_r,ax,bx,cx,dx,si,di,bp,8,9,10,11,12,13,14,15\n"                              \
	"\t.ifeqs \"" USDT_OPERAND_(n) "\",\"%%r\\usdt_r\"\n\t.set .Lusdt.k,1\n\t.endif\n"       \
	"\t.ifeqs \"" USDT_OPERAND_(n) "\",\"%%e\\usdt_r\"\n\t.set .Lusdt.k,1\n\t.endif\n"       \
	"\t.ifeqs \"" USDT_OPERAND_(n) "\",\"%%r\\usdt_r\\()d\"\n\t.set .Lusdt.k,1\n\t.endif\n"   \
	"\t.endr\n"                                                                               \
	"\t.if .Lusdt.k==0\n"                                                                     \
	USDT_OPERAND_NOTE_(n, 1, "\tlea " USDT_OPERAND_(n) "," USDT_LEA_ "\n")                    \
	"\t.endif\n"                                                                              \
	"\t.endif\n"
#elif defined __GNUC__ && !defined __clang__ && (defined __x86_64__ || defined __i386__)
#ifdef __i386__
#define USDT_GOTOFF_                                                                              \
	"\t.if .Lusdt.k==4\n\t.ifeqs \"\\usdt_c\",\"F\"\n\t.set .Lusdt.k,3\n\t.endif\n\t.endif\n"
/* The upper half of 64 bits is in the register that follows in gcc's order. */
#define USDT_PAIR_(n)                                                                             \
	"\t.if .Lusdt.k==2 && " USDT_WHAT_(n) "/4==8\n"                                           \
	USDT_OPERAND_NOTE_(n, 2, "")                                                              \
	"\t.endif\n"
#else
#define USDT_GOTOFF_
#define USDT_PAIR_(n)
#endif
#define USDT_KEEP_(n)                                                                             \
	"\t.set .Lusdt.k,0\n"                                                                     \
	"\t.irpc usdt_c,\"{" USDT_OPERAND_(n) "|$}\"\n"                                           \
	"\t.if .Lusdt.k==0\n"                                                                     \
	"\t.set .Lusdt.k,3\n"                                                                     \
	"\t.irpc usdt_d,0123456789+-\n"                                                           \
	"\t.ifeqs \"\\usdt_c\",\"\\usdt_d\"\n\t.set .Lusdt.k,0\n\t.endif\n"                       \
	"\t.endr\n"                                                                               \
	"\t.ifeqs \"\\usdt_c\",\"$\"\n\t.set .Lusdt.k,1\n\t.endif\n"                              \
	"\t.ifeqs \"\\usdt_c\",\"(\"\n\t.set .Lusdt.k,1\n\t.endif\n"                              \
	"\t.ifeqs \"\\usdt_c\",\"%%\"\n\t.set .Lusdt.k,2\n\t.endif\n"                             \
	"\t.endif\n"                                                                              \
	"\t.ifeqs \"\\usdt_c\",\"@\"\n\t.set .Lusdt.k,4\n\t.endif\n"                              \
	USDT_GOTOFF_                                                                              \
	"\t.endr\n"                                                                               \
	"\t.if .Lusdt.k==3\n"                                                                     \
	USDT_OPERAND_NOTE_(n, 1, "\tlea " USDT_OPERAND_(n) "," USDT_LEA_ "\n")                    \
	"\t.endif\n"                                                                              \
	USDT_PAIR_(n)
#else
#define USDT_KEEP_(n)
#endif
#define USDT_KEEP_0_
#define USDT_KEEP_1_ USDT_KEEP_(1)
#define USDT_KEEP_2_ USDT_KEEP_1_ USDT_KEEP_(2)
#define USDT_KEEP_3_ USDT_KEEP_2_ USDT_KEEP_(3)
#define USDT_KEEP_4_ USDT_KEEP_3_ USDT_KEEP_(4)
#define USDT_KEEP_5_ USDT_KEEP_4_ USDT_KEEP_(5)
#define USDT_KEEP_6_ USDT_KEEP_5_ USDT_KEEP_(6)
#define USDT_KEEP_7_ USDT_KEEP_6_ USDT_KEEP_(7)
#define USDT_KEEP_8_ USDT_KEEP_7_ USDT_KEEP_(8)
#define USDT_KEEP_9_ USDT_KEEP_8_ USDT_KEEP_(9)
#define USDT_KEEP_10_ USDT_KEEP_9_ USDT_KEEP_(10)
#define USDT_KEEP_11_ USDT_KEEP_10_ USDT_KEEP_(11)
#define USDT_KEEP_12_ USDT_KEEP_11_ USDT_KEEP_(12)

#define USDT_FORMAT_0_
#define USDT_FORMAT_1_ USDT_ATT_ USDT_FORMAT_(1)
#define USDT_FORMAT_2_ USDT_FORMAT_1_ USDT_BLANK_ USDT_FORMAT_(2)
#define USDT_FORMAT_3_ USDT_FORMAT_2_ USDT_BLANK_ USDT_FORMAT_(3)
#define USDT_FORMAT_4_ USDT_FORMAT_3_ USDT_BLANK_ USDT_FORMAT_(4)
#define USDT_FORMAT_5_ USDT_FORMAT_4_ USDT_BLANK_ USDT_FORMAT_(5)
#define USDT_FORMAT_6_ USDT_FORMAT_5_ USDT_BLANK_ USDT_FORMAT_(6)
#define USDT_FORMAT_7_ USDT_FORMAT_6_ USDT_BLANK_ USDT_FORMAT_(7)
#define USDT_FORMAT_8_ USDT_FORMAT_7_ USDT_BLANK_ USDT_FORMAT_(8)
#define USDT_FORMAT_9_ USDT_FORMAT_8_ USDT_BLANK_ USDT_FORMAT_(9)
#define USDT_FORMAT_10_ USDT_FORMAT_9_ USDT_BLANK_ USDT_FORMAT_(10)
#define USDT_FORMAT_11_ USDT_FORMAT_10_ USDT_BLANK_ USDT_FORMAT_(11)
#define USDT_FORMAT_12_ USDT_FORMAT_11_ USDT_BLANK_ USDT_FORMAT_(12)

/*
 * gold refuses a note whose function --gc-sections discards (bfd keeps the
 * function, lld leaves a note with no place, which readers ignore). A section
 * whose name gold takes for a root keeps the function there too; "e" leaves the
 * section out of the linked file.
 */
#define USDT_ROOT_                                                                                \
	"\t.pushsection .jcr.usdtkit,\"ae?\",\"progbits\"\n"                                      \
	"\t.4byte 990b-.\n"                                                                      \
	"\t.popsection\n"

/* "?": the note is in the COMDAT group of its code, if there is one (inline functions of C++). */
#define USDT_NOTE_(provider, name, semaphore, format, keep)                                       \
	"990:\t" USDT_NOP_ "\n"                                                                   \
	"\t.pushsection .note.stapsdt,\"?\",\"note\"\n"                                           \
	"\t.balign 4\n"                                                                           \
	"\t.4byte 992f-991f,994f-993f,3\n"                                                        \
	"991:\t.asciz \"stapsdt\"\n"                                                              \
	"992:\t.balign 4\n"                                                                       \
	"993:" USDT_ADDR_ "990b\n"                                                                \
	USDT_ADDR_ "_.stapsdt.base\n"                                                             \
	USDT_ADDR_ semaphore "\n"                                                                 \
	"\t.asciz \"" provider "\"\n"                                                             \
	"\t.asciz \"" name "\"\n"                                                                 \
	format                                                                                    \
	"\t.byte 0\n"                                                                             \
	"994:\t.balign 4\n"                                                                       \
	"\t.popsection\n"                                                                         \
	USDT_ROOT_                                                                                \
	keep                                                                                      \
	"\t.ifndef _.stapsdt.base\n"                                                              \
	"\t.pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"                 \
	"\t.weak _.stapsdt.base\n"                                                                \
	"\t.hidden _.stapsdt.base\n"                                                              \
	"_.stapsdt.base:\n"                                                                       \
	"\t.space 1\n"                                                                            \
	"\t.size _.stapsdt.base,1\n"                                                              \
	"\t.popsection\n"                                                                         \
	"\t.endif\n"

/* ---- The size and sign of an argument ---- */

/* GCC's classes of types: 5 pointer, 8 real, 14 array; 1 to 4 integers and their kin. */
#define USDT_CLASS_(x) __builtin_classify_type(x)
#define USDT_IS_PTR_(x) (USDT_CLASS_(x) == 5 || USDT_CLASS_(x) == 14)
#define USDT_SIZE_(x) (USDT_IS_PTR_(x) ? sizeof(void *) : sizeof(x))

#ifdef __cplusplus
extern "C++" {	/* this header may be included inside extern "C" */
template <typename T> struct usdt_sign_ { enum { value = 0 }; };
template <typename T> struct usdt_sign_<T &> { enum { value = usdt_sign_<T>::value }; };
template <typename T> struct usdt_sign_<const T> { enum { value = usdt_sign_<T>::value }; };
template <typename T> struct usdt_sign_<volatile T> { enum { value = usdt_sign_<T>::value }; };
template <typename T> struct usdt_sign_<const volatile T> {
	enum { value = usdt_sign_<T>::value };
};
template <> struct usdt_sign_<char> { enum { value = char(-1) < char(1) }; };
template <> struct usdt_sign_<wchar_t> { enum { value = wchar_t(-1) < wchar_t(1) }; };
template <> struct usdt_sign_<signed char> { enum { value = 1 }; };
template <> struct usdt_sign_<short> { enum { value = 1 }; };
template <> struct usdt_sign_<int> { enum { value = 1 }; };
template <> struct usdt_sign_<long> { enum { value = 1 }; };
__extension__ template <> struct usdt_sign_<long long> { enum { value = 1 }; };
/* Arrays match `const T` and `T` alike, which would be ambiguous without these. */
template <typename T> struct usdt_sign_<T[]> { enum { value = 0 }; };
template <typename T> struct usdt_sign_<const T[]> { enum { value = 0 }; };
template <typename T, __SIZE_TYPE__ N> struct usdt_sign_<T[N]> { enum { value = 0 }; };
template <typename T, __SIZE_TYPE__ N> struct usdt_sign_<const T[N]> { enum { value = 0 }; };
template <typename T, __SIZE_TYPE__ N> struct usdt_sign_<volatile T[N]> { enum { value = 0 }; };
template <typename T, __SIZE_TYPE__ N> struct usdt_sign_<const volatile T[N]> {
	enum { value = 0 };
};
}
#define USDT_SIGNED_(x) (usdt_sign_<__typeof__(x)>::value)
#else
#define USDT_IS_INT_(x) (USDT_CLASS_(x) >= 1 && USDT_CLASS_(x) <= 4)
#define USDT_SIGNED_(x)                                                                           \
	((__typeof__(__builtin_choose_expr(USDT_IS_INT_(x), (x), 0U)))-1 < 1)
#endif

#define USDT_ARG_(n, x)                                                                           \
	[usdt_s##n] "n"(USDT_SIZE_(x) * 4 + (USDT_SIGNED_(x) ? 2 : 0) + (USDT_CLASS_(x) == 8)),   \
	[usdt_a##n] USDT_ARG_CONSTRAINT(x)

#define USDT_ARGS_0_()
#define USDT_ARGS_1_(a) USDT_ARG_(1, a)
#define USDT_ARGS_2_(a, b) USDT_ARGS_1_(a), USDT_ARG_(2, b)
#define USDT_ARGS_3_(a, b, c) USDT_ARGS_2_(a, b), USDT_ARG_(3, c)
#define USDT_ARGS_4_(a, b, c, d) USDT_ARGS_3_(a, b, c), USDT_ARG_(4, d)
#define USDT_ARGS_5_(a, b, c, d, e) USDT_ARGS_4_(a, b, c, d), USDT_ARG_(5, e)
#define USDT_ARGS_6_(a, b, c, d, e, f) USDT_ARGS_5_(a, b, c, d, e), USDT_ARG_(6, f)
#define USDT_ARGS_7_(a, b, c, d, e, f, g) USDT_ARGS_6_(a, b, c, d, e, f), USDT_ARG_(7, g)
#define USDT_ARGS_8_(a, b, c, d, e, f, g, h) USDT_ARGS_7_(a, b, c, d, e, f, g), USDT_ARG_(8, h)
#define USDT_ARGS_9_(a, b, c, d, e, f, g, h, i)                                                   \
	USDT_ARGS_8_(a, b, c, d, e, f, g, h), USDT_ARG_(9, i)
#define USDT_ARGS_10_(a, b, c, d, e, f, g, h, i, j)                                               \
	USDT_ARGS_9_(a, b, c, d, e, f, g, h, i), USDT_ARG_(10, j)
#define USDT_ARGS_11_(a, b, c, d, e, f, g, h, i, j, k)                                            \
	USDT_ARGS_10_(a, b, c, d, e, f, g, h, i, j), USDT_ARG_(11, k)
#define USDT_ARGS_12_(a, b, c, d, e, f, g, h, i, j, k, l)                                         \
	USDT_ARGS_11_(a, b, c, d, e, f, g, h, i, j, k), USDT_ARG_(12, l)

/*
 * No reader knows arguments of more than 8 bytes, and compilers name only the
 * first of the registers that hold one. The call is dead code, which every
 * compiler leaves out, at -O0 too, unless an argument is too big.
 */
#ifdef __cplusplus
extern "C"
#endif
#ifdef __has_attribute
#if __has_attribute(__error__)
__attribute__((__error__("usdt/sdt.h: an argument of a probe has more than 8 bytes: pass a pointer")))
#endif
#endif
void usdt_argument_of_more_than_8_bytes_(void);

/* Summed over a site's arguments: the number of pointers, plus 16 for each that is too big. */
#define USDT_KIND_(x) (USDT_IS_PTR_(x) + (USDT_SIZE_(x) > 8 ? 16 : 0))
#define USDT_KINDS_0_() 0
#define USDT_KINDS_1_(a) USDT_KINDS_0_() + USDT_KIND_(a)
#define USDT_KINDS_2_(a, b) USDT_KINDS_1_(a) + USDT_KIND_(b)
#define USDT_KINDS_3_(a, b, c) USDT_KINDS_2_(a, b) + USDT_KIND_(c)
#define USDT_KINDS_4_(a, b, c, d) USDT_KINDS_3_(a, b, c) + USDT_KIND_(d)
#define USDT_KINDS_5_(a, b, c, d, e) USDT_KINDS_4_(a, b, c, d) + USDT_KIND_(e)
#define USDT_KINDS_6_(a, b, c, d, e, f) USDT_KINDS_5_(a, b, c, d, e) + USDT_KIND_(f)
#define USDT_KINDS_7_(a, b, c, d, e, f, g) USDT_KINDS_6_(a, b, c, d, e, f) + USDT_KIND_(g)
#define USDT_KINDS_8_(a, b, c, d, e, f, g, h) USDT_KINDS_7_(a, b, c, d, e, f, g) + USDT_KIND_(h)
#define USDT_KINDS_9_(a, b, c, d, e, f, g, h, i)                                                  \
	USDT_KINDS_8_(a, b, c, d, e, f, g, h) + USDT_KIND_(i)
#define USDT_KINDS_10_(a, b, c, d, e, f, g, h, i, j)                                              \
	USDT_KINDS_9_(a, b, c, d, e, f, g, h, i) + USDT_KIND_(j)
#define USDT_KINDS_11_(a, b, c, d, e, f, g, h, i, j, k)                                           \
	USDT_KINDS_10_(a, b, c, d, e, f, g, h, i, j) + USDT_KIND_(k)
#define USDT_KINDS_12_(a, b, c, d, e, f, g, h, i, j, k, l)                                        \
	USDT_KINDS_11_(a, b, c, d, e, f, g, h, i, j, k) + USDT_KIND_(l)
#define USDT_FIT_(n, args)                                                                        \
	if ((USDT_KINDS_##n##_ args) >= 16)                                                       \
		usdt_argument_of_more_than_8_bytes_();

/*
 * A tracer follows pointers. Around a site that passes a pointer, as around a
 * call, earlier stores are in memory and later stores are not made yet.
 */
#define USDT_FENCE_(n, args)                                                                      \
	if ((USDT_KINDS_##n##_ args) & 15)                                                        \
		__asm__ __volatile__("" : : : "memory");

/* clang -pedantic counts the letters of asm texts too. */
#ifdef __clang__
#define USDT_QUIET_                                                                               \
	_Pragma("clang diagnostic push")                                                          \
	_Pragma("clang diagnostic ignored \"-Woverlength-strings\"")
#define USDT_LOUD_ _Pragma("clang diagnostic pop")
#else
#define USDT_QUIET_
#define USDT_LOUD_
#endif

/* The form that dtrace -h writes: names as strings, n arguments as (a, b). */
#define USDT_SITE_(provider, name, n, args)                                                       \
	do {                                                                                      \
		USDT_FIT_(n, args)                                                                \
		USDT_FENCE_(n, args)                                                              \
		USDT_QUIET_                                                                       \
		USDT_ASM_(                                                                        \
			USDT_NOTE_(provider, name, "0", USDT_FORMAT_##n##_, USDT_KEEP_##n##_)     \
			: : USDT_ARGS_##n##_ args);                                               \
		USDT_LOUD_                                                                        \
		USDT_FENCE_(n, args)                                                              \
	} while (0)
/* The second asm tells link-time optimisation that the semaphore is used. */
#define USDT_SEM_SITE_(provider, name, semaphore, n, args)                                        \
	do {                                                                                      \
		USDT_FIT_(n, args)                                                                \
		USDT_FENCE_(n, args)                                                              \
		USDT_QUIET_                                                                       \
		USDT_ASM_(                                                                        \
			USDT_NOTE_(provider, name, #semaphore, USDT_FORMAT_##n##_,                \
				   USDT_KEEP_##n##_)                                              \
			: : USDT_ARGS_##n##_ args);                                               \
		USDT_LOUD_                                                                        \
		USDT_FENCE_(n, args)                                                              \
		__asm__ __volatile__("" : : "m"(semaphore));                                      \
	} while (0)
/* Reads the semaphore anew each time, also in a loop that calls nothing. */
#define USDT_IS_ON_(semaphore)                                                                    \
	__builtin_expect(__atomic_load_n(&(semaphore), __ATOMIC_RELAXED) != 0, 0)

/*
 * The semaphore's definition, as text for asm. It is weak and in a group, so
 * that all files that define it share one and neither a second definition nor
 * the object of dtrace -G conflicts with it.
 */
#define USDT_SEM_DEF_(semaphore, group)                                                           \
	"\t.ifndef " semaphore "\n"                                                               \
	"\t.pushsection .probes,\"awG\",%progbits," group ",comdat\n"                             \
	"\t.balign 2\n"                                                                           \
	"\t.weak " semaphore "\n"                                                                 \
	"\t.hidden " semaphore "\n"                                                               \
	"\t.type " semaphore ",%object\n"                                                         \
	"\t.size " semaphore ",2\n"                                                               \
	semaphore ":\n"                                                                           \
	"\t.zero 2\n"                                                                             \
	"\t.popsection\n"                                                                         \
	"\t.endif\n"

#ifdef __cplusplus
#define USDT_SEM_DECL_(semaphore)                                                                 \
	extern "C" __attribute__((visibility("hidden"))) unsigned short semaphore
#else
#define USDT_SEM_DECL_(semaphore)                                                                 \
	extern __attribute__((visibility("hidden"))) unsigned short semaphore
#endif

#define USDT_SEMAPHORE(provider, name)                                                            \
	__asm__(USDT_SEM_DEF_(#provider "_" #name "_semaphore",                                   \
			      "usdtkit." #provider "_" #name "_semaphore"));                      \
	USDT_SEM_DECL_(provider##_##name##_semaphore)
#define USDT_ENABLED(provider, name) USDT_IS_ON_(provider##_##name##_semaphore)

#else /* no sites */

#define USDT_SITE_(provider, name, n, args) do { } while (0)
#define USDT_SEM_SITE_(provider, name, semaphore, n, args) do { } while (0)
#define USDT_SEMAPHORE(provider, name) struct usdt_no_semaphore_
#define USDT_ENABLED(provider, name) 0

#endif

/* Sites without a semaphore. */
#define USDT_PROBE(provider, name) USDT_SITE_(#provider, #name, 0, ())
#define USDT_PROBE1(provider, name, a) USDT_SITE_(#provider, #name, 1, (a))
#define USDT_PROBE2(provider, name, a, b) USDT_SITE_(#provider, #name, 2, (a, b))
#define USDT_PROBE3(provider, name, a, b, c) USDT_SITE_(#provider, #name, 3, (a, b, c))
#define USDT_PROBE4(provider, name, a, b, c, d) USDT_SITE_(#provider, #name, 4, (a, b, c, d))
#define USDT_PROBE5(provider, name, a, b, c, d, e) USDT_SITE_(#provider, #name, 5, (a, b, c, d, e))
#define USDT_PROBE6(provider, name, a, b, c, d, e, f)                                             \
	USDT_SITE_(#provider, #name, 6, (a, b, c, d, e, f))
#define USDT_PROBE7(provider, name, a, b, c, d, e, f, g)                                          \
	USDT_SITE_(#provider, #name, 7, (a, b, c, d, e, f, g))
#define USDT_PROBE8(provider, name, a, b, c, d, e, f, g, h)                                       \
	USDT_SITE_(#provider, #name, 8, (a, b, c, d, e, f, g, h))
#define USDT_PROBE9(provider, name, a, b, c, d, e, f, g, h, i)                                    \
	USDT_SITE_(#provider, #name, 9, (a, b, c, d, e, f, g, h, i))
#define USDT_PROBE10(provider, name, a, b, c, d, e, f, g, h, i, j)                                \
	USDT_SITE_(#provider, #name, 10, (a, b, c, d, e, f, g, h, i, j))
#define USDT_PROBE11(provider, name, a, b, c, d, e, f, g, h, i, j, k)                             \
	USDT_SITE_(#provider, #name, 11, (a, b, c, d, e, f, g, h, i, j, k))
#define USDT_PROBE12(provider, name, a, b, c, d, e, f, g, h, i, j, k, l)                          \
	USDT_SITE_(#provider, #name, 12, (a, b, c, d, e, f, g, h, i, j, k, l))

/* Sites whose probe has a semaphore, made by USDT_SEMAPHORE. */
#define USDT_SEM_PROBE(provider, name)                                                            \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 0,                        \
			())
#define USDT_SEM_PROBE1(provider, name, a)                                                        \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 1,                        \
			(a))
#define USDT_SEM_PROBE2(provider, name, a, b)                                                     \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 2,                        \
			(a, b))
#define USDT_SEM_PROBE3(provider, name, a, b, c)                                                  \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 3,                        \
			(a, b, c))
#define USDT_SEM_PROBE4(provider, name, a, b, c, d)                                               \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 4,                        \
			(a, b, c, d))
#define USDT_SEM_PROBE5(provider, name, a, b, c, d, e)                                            \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 5,                        \
			(a, b, c, d, e))
#define USDT_SEM_PROBE6(provider, name, a, b, c, d, e, f)                                         \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 6,                        \
			(a, b, c, d, e, f))
#define USDT_SEM_PROBE7(provider, name, a, b, c, d, e, f, g)                                      \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 7,                        \
			(a, b, c, d, e, f, g))
#define USDT_SEM_PROBE8(provider, name, a, b, c, d, e, f, g, h)                                   \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 8,                        \
			(a, b, c, d, e, f, g, h))
#define USDT_SEM_PROBE9(provider, name, a, b, c, d, e, f, g, h, i)                                \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 9,                        \
			(a, b, c, d, e, f, g, h, i))
#define USDT_SEM_PROBE10(provider, name, a, b, c, d, e, f, g, h, i, j)                            \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 10,                       \
			(a, b, c, d, e, f, g, h, i, j))
#define USDT_SEM_PROBE11(provider, name, a, b, c, d, e, f, g, h, i, j, k)                         \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 11,                       \
			(a, b, c, d, e, f, g, h, i, j, k))
#define USDT_SEM_PROBE12(provider, name, a, b, c, d, e, f, g, h, i, j, k, l)                      \
	USDT_SEM_SITE_(#provider, #name, provider##_##name##_semaphore, 12,                       \
			(a, b, c, d, e, f, g, h, i, j, k, l))

#endif
