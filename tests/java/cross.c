/*
 * cross.c -- native code of the test program Load.java: blocks that one thread
 * allocates and another grows, checks and frees.
 *
 * Every byte of a block is a function of its offset, with a period that no size
 * class has, so that a block which another one overlaps is noticed.
 */
#include <jni.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The same code on the library beside malloc; it has names of its own. */
#if CROSS_TRI
#include <trimalloc/trimalloc.h>
#define malloc         tri_malloc
#define calloc         tri_calloc
#define realloc        tri_realloc
#define posix_memalign tri_posix_memalign
#define free           tri_free
#endif

static unsigned char
byte_at(jint offset)
{
	return (unsigned char)(offset % 251 + 1);
}

static void
fill(unsigned char *block, jint from, jint to)
{
	for (jint i = from; i < to; i++)
		block[i] = byte_at(i);
}

static jboolean
is_filled(const unsigned char *block, jint size)
{
	for (jint i = 0; i < size; i++)
		if (block[i] != byte_at(i))
			return JNI_FALSE;
	return JNI_TRUE;
}

static void *
allocate_by(jint kind, size_t size)
{
	void *block = NULL;

	switch (kind) {
	case 0:
		return malloc(size);
	case 1:
		return calloc(1, size);
	case 2:
		return realloc(NULL, size);
	default:
		return posix_memalign(&block, 256, size) == 0 ? block : NULL;
	}
}

JNIEXPORT jlong JNICALL
Java_Load_allocate(JNIEnv *env, jclass class, jint size, jint kind)
{
	unsigned char *block = allocate_by(kind, (size_t)size);

	(void)env;
	(void)class;
	if (block != NULL)
		fill(block, 0, size);
	return (jlong)(uintptr_t)block;
}

JNIEXPORT jlong JNICALL
Java_Load_grow(JNIEnv *env, jclass class, jlong address, jint old_size,
	       jint new_size)
{
	unsigned char *block = (unsigned char *)(uintptr_t)address;
	unsigned char *grown = realloc(block, (size_t)new_size);

	(void)env;
	(void)class;
	if (grown != NULL)
		fill(grown, old_size, new_size);
	return (jlong)(uintptr_t)grown;
}

JNIEXPORT jboolean JNICALL
Java_Load_checkAndFree(JNIEnv *env, jclass class, jlong address, jint size)
{
	unsigned char *block = (unsigned char *)(uintptr_t)address;
	jboolean good = block != NULL && is_filled(block, size);

	(void)env;
	(void)class;
	free(block);
	return good;
}

/* The number of bytes that the string and the array have in common. */
JNIEXPORT jint JNICALL
Java_Load_copyString(JNIEnv *env, jclass class, jstring text, jbyteArray array)
{
	const char *chars = (*env)->GetStringUTFChars(env, text, NULL);
	jbyte *bytes = (*env)->GetByteArrayElements(env, array, NULL);
	jint length = (*env)->GetArrayLength(env, array);
	jint same = 0;

	(void)class;
	while (same < length && chars[same] == (char)bytes[same])
		same++;
	if (chars[same] != '\0')
		same = -1;
	(*env)->ReleaseByteArrayElements(env, array, bytes, JNI_ABORT);
	(*env)->ReleaseStringUTFChars(env, text, chars);
	return same;
}
