/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * provider/scan.c: checks the objects given to -G against the declarations.
 * In:   relocatable objects, archives of them (thin ones too), libtool's .lo texts.
 * Out:  errors as DTrace's -G words them: probes that are fired or asked for
 *       (is-enabled) and not declared, or declared with another number of
 *       arguments; a warning with the probes that no object uses; the objects'
 *       machine.
 * Owns: the open file and its ELF descriptors, while it is read.
 *
 * A probe that is fired has a note (.note.stapsdt). A probe that is asked for
 * has a relocation against its semaphore outside of the notes. Objects of
 * link-time optimisation hold both in the compiler's own format, which cannot
 * be read here.
 */
#include "provider/inner.h"

#include "base/arena.h"
#include "base/cursor.h"
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scan {
	struct arena *arena;
	const struct d_prog *prog;
	struct diag *diag;
	const char *script;
	struct gen_machine *machine; /* fields that are 0 are not known yet */
	struct hash *used;	     /* struct d_probe_decl addresses */
	size_t nscanned, nskipped;
};

struct object {
	struct scan *sc;
	const char *name; /* "lib.a(x.o)" */
	Elf *elf;
	struct hash *sites; /* semaphores that belong to this object's sites, of any provider */
	bool is64, swap;
};

/* Scans a member of an archive, or a whole file. */
static bool scan_elf(struct scan *sc, Elf *elf, int fd, const char *name);

static bool link_error(struct scan *sc, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static bool link_error(struct scan *sc, const char *object, const char *fmt, ...)
{
	va_list ap;
	char *what;

	va_start(ap, fmt);
	what = arena_vprintf(sc->arena, fmt, ap);
	va_end(ap);
	diag_error(sc->diag, NOWHERE, NULL, "failed to link script %s: %s: %s", sc->script, object,
		   what ? what : "no memory");
	return false;
}

static const struct d_probe_decl *find_probe(const struct d_provider *prov, const char *name)
{
	for (size_t i = 0; i < prov->nprobes; i++)
		if (!strcmp(prov->probes[i].name, name))
			return &prov->probes[i];
	return NULL;
}

static bool use(struct scan *sc, const struct d_probe_decl *p)
{
	return !hash_set(sc->used, &p, sizeof(p), sc, NULL);
}

/* ---- What fires ---- */

/* Counts @, because each operand has one @ but may hold blanks (`8@[sp, 16]`). */
static size_t count_args(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '@';
	return n;
}

static bool site(struct object *o, const char *provider, const char *name, const char *args)
{
	struct scan *sc = o->sc;
	const char *sem = arena_printf(sc->arena, "%s_%s_semaphore", provider, name);

	if (!sem || hash_set_str(o->sites, sem, o))
		return link_error(sc, o->name, "no memory");
	for (size_t i = 0; i < sc->prog->nproviders; i++) {
		const struct d_provider *prov = &sc->prog->providers[i];
		const struct d_probe_decl *p = find_probe(prov, name);

		if (strcmp(prov->name, provider))
			continue;
		if (!p)
			return link_error(sc, o->name, "no such probe %s in provider %s", name,
					  provider);
		if (p->nargs != count_args(args))
			return link_error(
				sc, o->name,
				"probe %s of provider %s has %zu argument%s, but is declared with %zu",
				name, provider, count_args(args), count_args(args) == 1 ? "" : "s",
				p->nargs);
		return use(sc, p) || link_error(sc, o->name, "no memory");
	}
	return true; /* another provider, which this script need not declare */
}

static bool notes(struct object *o, Elf_Scn *scn)
{
	Elf_Data *data = elf_rawdata(scn, NULL);
	struct cursor c = cur_init(data ? data->d_buf : NULL,
				   data && data->d_buf ? data->d_size : 0);
	const void *start = c.at;
	bool ok = true;

	c.swap = o->swap;
	while (ok && cur_left(&c)) {
		uint32_t namesz = cur_u32(&c), descsz = cur_u32(&c), type = cur_u32(&c);
		const char *owner = cur_bytes(&c, namesz), *provider, *name, *args;
		struct cursor desc;

		cur_align(&c, start, 4);
		desc = cur_init(cur_bytes(&c, descsz), c.bad ? 0 : descsz);
		if (c.bad)
			return link_error(o->sc, o->name, "its notes are malformed");
		if (cur_left(&c))
			cur_align(&c, start, 4);
		if (namesz != 8 || memcmp(owner, "stapsdt", 8) || type != 3)
			continue;
		cur_bytes(&desc, o->is64 ? 24 : 12); /* addresses, which the linker fills in */
		provider = cur_str(&desc);
		name = cur_str(&desc);
		args = cur_str(&desc);
		ok = desc.bad ? link_error(o->sc, o->name, "its notes are malformed") :
				site(o, provider, name, args);
	}
	return ok;
}

/* ---- What is asked for ---- */

/* The symbol app_hit_semaphore stands for the probe app:hit if the provider app is declared here
 * and no site explains the symbol. */
static bool asked(struct object *o, const char *symbol)
{
	static const char tail[] = "_semaphore";
	struct scan *sc = o->sc;
	size_t len = strlen(symbol), end = len < sizeof(tail) ? 0 : len - (sizeof(tail) - 1);
	const struct d_provider *of = NULL;

	if (!end || strcmp(symbol + end, tail))
		return true;
	for (size_t i = 0; i < sc->prog->nproviders; i++) {
		const struct d_provider *prov = &sc->prog->providers[i];
		size_t n = strlen(prov->name);

		for (size_t k = 0; k < prov->nprobes; k++)
			if (!strcmp(symbol, gen_semaphore(sc->arena, prov, &prov->probes[k])))
				return use(sc, &prov->probes[k]) ||
				       link_error(sc, o->name, "no memory");
		if (n + 1 < end && !memcmp(prov->name, symbol, n) && symbol[n] == '_')
			of = prov;
	}
	if (!of || hash_get_str(o->sites, symbol))
		return true;
	return link_error(sc, o->name, "no such probe %.*s in provider %s (is-enabled)",
			  (int)(end - strlen(of->name) - 1), symbol + strlen(of->name) + 1,
			  of->name);
}

static bool relocation(Elf_Data *data, const GElf_Shdr *sh, size_t i, size_t *symbol)
{
	GElf_Rela rela;
	GElf_Rel rel;

	bool with_addend = sh->sh_type == SHT_RELA;

	if (with_addend ? !gelf_getrela(data, (int)i, &rela) : !gelf_getrel(data, (int)i, &rel))
		return false;
	*symbol = GELF_R_SYM(with_addend ? rela.r_info : rel.r_info);
	return true;
}

static bool relocations(struct object *o, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Scn *symscn = elf_getscn(o->elf, sh->sh_link);
	Elf_Data *data = elf_getdata(scn, NULL),
		 *symbols = symscn ? elf_getdata(symscn, NULL) : NULL;
	struct hash *seen = hash_new();
	GElf_Shdr symsh;
	bool ok = seen;

	if (!data || !symbols || !gelf_getshdr(symscn, &symsh) || !sh->sh_entsize)
		goto out;
	for (size_t i = 0, index; ok && i < sh->sh_size / sh->sh_entsize; i++) {
		const char *name;
		GElf_Sym sym;

		if (!relocation(data, sh, i, &index) || !gelf_getsym(symbols, (int)index, &sym))
			continue;
		name = elf_strptr(o->elf, symsh.sh_link, sym.st_name);
		if (!name || !*name || hash_get_str(seen, name))
			continue;
		ok = !hash_set_str(seen, name, seen) && asked(o, name);
	}
out:
	hash_free(seen, NULL);
	return ok;
}

/* ---- Objects ---- */

static const char *section_name(Elf *elf, size_t index)
{
	Elf_Scn *scn = elf_getscn(elf, index);
	size_t names;
	GElf_Shdr sh;
	const char *s;

	if (!scn || !gelf_getshdr(scn, &sh) || elf_getshdrstrndx(elf, &names))
		return "";
	s = elf_strptr(elf, names, sh.sh_name);
	return s ? s : "";
}

/* Does the object hold only the compiler's own format? "Fat" objects hold machine code too. */
static bool is_lto_only(Elf *elf)
{
	bool lto = false, code = false;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh)) {
			const char *name = section_name(elf, elf_ndxscn(scn));

			lto |= !strncmp(name, ".gnu.lto_", 9) || !strncmp(name, ".llvm.lto", 9);
			code |= sh.sh_type == SHT_PROGBITS && (sh.sh_flags & SHF_EXECINSTR) &&
				sh.sh_size;
		}
	return lto && !code;
}

static bool skipped(struct scan *sc, const char *name, const char *why)
{
	diag_warn(sc->diag, NOWHERE, "%s %s", name, why);
	sc->nskipped++;
	return true;
}

static bool lto(struct scan *sc, const char *name)
{
	return skipped(
		sc, name,
		"is an object of link-time optimisation without machine code: its probes cannot be checked");
}

static bool machine_fits(struct scan *sc, const GElf_Ehdr *eh, const char *name)
{
	unsigned bits = eh->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	struct gen_machine *m = sc->machine;

	if (eh->e_ident[EI_DATA] != ELFDATA2LSB ||
	    (eh->e_machine != EM_X86_64 && eh->e_machine != EM_386 && eh->e_machine != EM_AARCH64))
		return link_error(sc, name, "unsupported ELF machine type for object file");
	if (!m->bits)
		m->bits = bits;
	if (!m->machine)
		m->machine = eh->e_machine;
	if (bits != m->bits)
		return link_error(sc, name, "incorrect ELF class for object file: %u bits, not %u",
				  bits, m->bits);
	if (eh->e_machine != m->machine)
		return link_error(sc, name,
				  "incorrect ELF machine type for object file: %s, not %s",
				  gen_machine_name(eh->e_machine), gen_machine_name(m->machine));
	return true;
}

static bool sections(struct object *o)
{
	bool ok = true;

	/* Sites come first, because a site explains the reference to its semaphore. */
	for (int pass = 0; ok && pass < 2; pass++) {
		Elf_Scn *scn = NULL;
		GElf_Shdr sh;

		while (ok && (scn = elf_nextscn(o->elf, scn))) {
			if (!gelf_getshdr(scn, &sh))
				continue;
			if (!pass && sh.sh_type == SHT_NOTE &&
			    !strcmp(section_name(o->elf, elf_ndxscn(scn)), ".note.stapsdt"))
				ok = notes(o, scn);
			else if (pass && (sh.sh_type == SHT_RELA || sh.sh_type == SHT_REL) &&
				 strcmp(section_name(o->elf, sh.sh_info), ".note.stapsdt"))
				ok = relocations(o, scn, &sh);
		}
	}
	return ok;
}

static bool object(struct scan *sc, Elf *elf, const char *name)
{
	struct object o = { .sc = sc, .name = name, .elf = elf };
	GElf_Ehdr eh;
	bool ok;

	if (!gelf_getehdr(elf, &eh))
		return link_error(sc, name, "not a readable object file: %s", elf_errmsg(-1));
	if (eh.e_type != ET_REL)
		return link_error(sc, name, "invalid object file type: not a relocatable object");
	if (!elf_nextscn(elf, NULL)) /* the section table is last in a file: this one is cut off */
		return link_error(sc, name, "not a readable object file: it has no sections");
	if (!machine_fits(sc, &eh, name))
		return false;
	if (is_lto_only(elf))
		return lto(sc, name);
	o.is64 = eh.e_ident[EI_CLASS] == ELFCLASS64;
	o.swap = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__;
	o.sites = hash_new();
	ok = o.sites ? sections(&o) : link_error(sc, name, "no memory");
	hash_free(o.sites, NULL);
	sc->nscanned++;
	return ok;
}

static bool archive(struct scan *sc, Elf *ar, int fd, const char *name)
{
	Elf_Cmd cmd = ELF_C_READ;
	off_t end = lseek(fd, 0, SEEK_END), at = end;
	bool ok = true;
	Elf *elf;

	for (; ok && (elf = elf_begin(fd, cmd, ar)); cmd = elf_next(elf), elf_end(elf)) {
		Elf_Arhdr *h = elf_getarhdr(elf);
		const char *member = h && h->ar_name ? h->ar_name : "?";

		at = h ? elf_getbase(elf) + h->ar_size : end;
		if (*member != '/' && *member != '?') /* symbol and name tables */
			ok = scan_elf(sc, elf, fd, arena_printf(sc->arena, "%s(%s)", name, member));
	}
	/* libelf does not report a member header that is cut off. */
	return ok && end - at > 1 ? link_error(sc, name, "the archive is truncated") : ok;
}

static bool scan_elf(struct scan *sc, Elf *elf, int fd, const char *name)
{
	static const unsigned char bitcode[] = { 'B', 'C', 0xc0, 0xde },
				   wrapped[] = { 0xde, 0xc0, 0x17, 0x0b };
	unsigned char magic[4];

	if (elf_kind(elf) == ELF_K_ELF)
		return object(sc, elf, name);
	/* elf_rawfile would leak the bytes of an archive's member. */
	if (pread(fd, magic, sizeof(magic), elf_getbase(elf)) == sizeof(magic) &&
	    (!memcmp(magic, bitcode, 4) || !memcmp(magic, wrapped, 4)))
		return lto(sc, name);
	return skipped(sc, name, "is not an object file: left out");
}

static bool scan_path(struct scan *sc, const char *path, bool nested);

/* Scans the file `name`, whose path is relative to the folder of the file `by` that names it. */
static bool named(struct scan *sc, const char *by, const char *name, size_t len)
{
	const char *slash = *name == '/' ? NULL : strrchr(by, '/');

	return scan_path(sc,
			 arena_printf(sc->arena, "%.*s%.*s", (int)(slash ? slash - by + 1 : 0), by,
				      (int)len, name),
			 true);
}

/*
 * Reads a thin archive, which holds names only (Meson makes them) and which
 * libelf does not know. Headers have 60 bytes. "/N" at 0 gives the offset of a
 * member's name in the table "//"; the name ends at "/\n". Behind the header of
 * a table follow its bytes; their number is in digits at 48.
 */
#define THIN "!<thin>\n"

static bool thin(struct scan *sc, int fd, const char *path)
{
	char header[61] = "", *names = arena_strdup(sc->arena, "");
	off_t at = sizeof(THIN) - 1, end = lseek(fd, 0, SEEK_END);

	while (names && pread(fd, header, 60, at) == 60) {
		size_t first = strtoul(header + 1, NULL, 10), size = strtoul(header + 48, NULL, 10);

		at += 60;
		if (*header == '/' && header[1] >= '0' && header[1] <= '9') {
			const char *name = names + (first < strlen(names) ? first : 0);
			const char *slash = strstr(name, "/\n");

			if (!slash)
				return link_error(sc, path, "the archive is damaged");
			if (!named(sc, path, name, (size_t)(slash - name)))
				return false;
			continue;
		}
		if (*header != '/' || size > (size_t)(end - at))
			return link_error(sc, path, "the archive is damaged");
		if (header[1] == '/') {
			names = arena_alloc(sc->arena, size + 1);
			if (names && pread(fd, names, size, at) == (ssize_t)size)
				names[size] = '\0';
		}
		at += (off_t)(size + size % 2);
	}
	if (!names)
		return link_error(sc, path, "no memory");
	return at == end || link_error(sc, path, "the archive is damaged");
}

/* Scans the objects that a libtool text names; the names are relative to the text's folder. */
static bool libtool(struct scan *sc, const struct text *t, const char *path)
{
	static const char *const keys[] = { "pic_object='", "non_pic_object='" };
	bool ok = true;

	for (size_t i = 0; ok && i < t->nlines; i++)
		for (size_t k = 0; ok && k < COUNT(keys); k++) {
			const char *s = t->bytes + t->lines[i], *end;

			if (strncmp(s, keys[k], strlen(keys[k])))
				continue;
			s += strlen(keys[k]);
			end = strchr(s, '\'');
			if (end)
				ok = named(sc, path, s, (size_t)(end - s));
		}
	return ok;
}

/* nested: an archive or script names the file, so the file may not name others. */
static bool scan_path(struct scan *sc, const char *path, bool nested)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	char magic[sizeof(THIN)] = "";
	struct text *t;
	Elf *elf;
	bool ok;

	if (fd < 0 || pread(fd, magic, sizeof(THIN) - 1, 0) < 0) {
		diag_error(sc->diag, NOWHERE, NULL,
			   fd < 0 ? "failed to open %s: %s" : "failed to read %s: %s",
			   path ? path : "", strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		ok = link_error(sc, path, "%s", elf_errmsg(-1));
	else if (elf_kind(elf) == ELF_K_AR)
		ok = archive(sc, elf, fd, path);
	else if (!nested && !strcmp(magic, THIN))
		ok = thin(sc, fd, path);
	else if (elf_kind(elf) == ELF_K_NONE && !nested && (t = text_read(sc->arena, path)) &&
		 strstr(t->bytes, "a libtool object file"))
		ok = libtool(sc, t, path);
	else
		ok = scan_elf(sc, elf, fd, path);
	elf_end(elf);
	close(fd);
	return ok;
}

/* Warns with one line a provider. If an object was skipped it may use the probes: no warning. */
static void unused(struct scan *sc)
{
	for (size_t i = 0; sc->nscanned && !sc->nskipped && i < sc->prog->nproviders; i++) {
		const struct d_provider *prov = &sc->prog->providers[i];
		const char *list = NULL;

		for (size_t k = 0; k < prov->nprobes; k++) {
			const struct d_probe_decl *p = &prov->probes[k];

			if (!hash_get(sc->used, &p, sizeof(p)))
				list = arena_printf(sc->arena, "%s%s%s", list ? list : "",
						    list ? ", " : "", p->name);
		}
		if (list)
			diag_warn(sc->diag, NOWHERE,
				  "no object uses these probes of provider %s: %s", prov->name,
				  list);
	}
}

/* Makefiles may pass all objects, so the output may be among them, missing or from an earlier
 * run. */
static bool is_output(const char *object, const char *output)
{
	struct stat a, b;

	return !strcmp(object, output) || (!stat(object, &a) && !stat(output, &b) &&
					   a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

bool gen_scan(struct arena *a, const struct d_prog *prog, const struct gen_job *job,
	      const char *output, struct gen_machine *machine, struct diag *diag)
{
	struct scan sc = { .arena = a,
			   .prog = prog,
			   .diag = diag,
			   .script = gen_script_names(a, job),
			   .machine = machine,
			   .used = hash_new() };
	bool ok = sc.used;

	elf_version(EV_CURRENT);
	for (size_t i = 0; sc.used && i < job->nobjects; i++)
		if (!is_output(job->objects[i], output))
			ok &= scan_path(&sc, job->objects[i], false);
	if (ok)
		unused(&sc);
	hash_free(sc.used, NULL);
	return ok;
}
