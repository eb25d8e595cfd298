/*
 * libc.c -- see libc.h.
 */
#include "libc.h"

#if TRI_INTERPOSE

/*
 * glibc's own way to load its parts, up to 2.33: libc.so.6 has it where libdl
 * is not loaded.
 */
void *__libc_dlopen_mode(const char *name, int mode);
void *__libc_dlsym(void *library, const char *name);
#pragma weak __libc_dlopen_mode
#pragma weak __libc_dlsym

/* What dlopen adds to its callers' mode. */
#define MODE_OF_DLOPEN ((int)0x80000000)

static bool
load_libdl(struct libc_loader *out)
{
	void *library;

	if (__libc_dlopen_mode == NULL || __libc_dlsym == NULL)
		return false;
	library = __libc_dlopen_mode("libdl.so.2", RTLD_NOW | MODE_OF_DLOPEN);
	if (library == NULL)
		return false;
	*out = (struct libc_loader){
		(libc_sym_fn *)__libc_dlsym(library, "dlsym"),
		(libc_open_fn *)__libc_dlsym(library, "dlopen"),
		(libc_close_fn *)__libc_dlsym(library, "dlclose"),
		(libc_addr_fn *)__libc_dlsym(library, "dladdr"),
	};
	return out->sym != NULL && out->open != NULL && out->close != NULL &&
	       out->addr != NULL;
}

bool
libc_loader(struct libc_loader *out)
{
	*out = (struct libc_loader){ dlsym, dlopen, dlclose, dladdr };
	if (out->sym != NULL && out->open != NULL && out->close != NULL &&
	    out->addr != NULL)
		return true;
	return load_libdl(out);
}

void *
libc_next(const char *name)
{
	void *libc, *found;

	if (dlsym != NULL && (found = dlsym(RTLD_NEXT, name)) != NULL)
		return found;
	/* Where this library stands behind the C library nothing is next. */
	if (dlsym != NULL && dlopen != NULL) {
		libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
		return libc != NULL ? dlsym(libc, name) : NULL;
	}
	if (__libc_dlopen_mode == NULL || __libc_dlsym == NULL)
		return NULL;
	libc = __libc_dlopen_mode("libc.so.6", RTLD_LAZY | MODE_OF_DLOPEN);
	return libc != NULL ? __libc_dlsym(libc, name) : NULL;
}

bool
libc_has_threads(void)
{
	return pthread_key_create != NULL && pthread_setspecific != NULL;
}

void
libc_set_stack(pthread_attr_t *attr, size_t bytes)
{
	if (pthread_attr_setstacksize != NULL)
		pthread_attr_setstacksize(attr, bytes);
}

void
libc_set_name(pthread_t thread, const char *name)
{
	if (pthread_setname_np != NULL)
		pthread_setname_np(thread, name);
}

#else

bool
libc_has_threads(void)
{
	return true;
}

void
libc_set_stack(pthread_attr_t *attr, size_t bytes)
{
	pthread_attr_setstacksize(attr, bytes);
}

void
libc_set_name(pthread_t thread, const char *name)
{
	pthread_setname_np(thread, name);
}

#endif
