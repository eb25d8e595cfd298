/*
 * bill.c -- figures of trimalloc's statistics.
 *
 * Above   Bill.java, in a JVM into which trimalloc is preloaded
 * Lock    none of ours: mallctl's snapshot is the calling thread's
 */
#include <dlfcn.h>
#include <jni.h>
#include <stdint.h>
#include <stdio.h>

typedef int mallctl_fn(const char *, void *, size_t *, void *, size_t);

static jlongArray
fail(JNIEnv *env, const char *why)
{
	(*env)->ThrowNew(
		env, (*env)->FindClass(env, "java/lang/IllegalStateException"),
		why);
	return NULL;
}

static int
read_figure(mallctl_fn *ctl, JNIEnv *env, jstring word, jlong *value)
{
	char name[128];
	const char *chars = (*env)->GetStringUTFChars(env, word, NULL);
	size_t figure = 0, size = sizeof figure;

	if (chars == NULL)
		return -1;
	snprintf(name, sizeof name, "trimalloc.stats.%s", chars);
	(*env)->ReleaseStringUTFChars(env, word, chars);
	if (ctl(name, &figure, &size, NULL, 0) != 0)
		return -1;
	*value = (jlong)figure;
	return 0;
}

JNIEXPORT jlongArray JNICALL
Java_Bill_figures(JNIEnv *env, jclass class, jobjectArray names)
{
	enum { MOST = 32 };
	mallctl_fn *ctl = (mallctl_fn *)dlsym(RTLD_DEFAULT, "mallctl");
	uint64_t epoch = 1;
	jsize n = (*env)->GetArrayLength(env, names);
	jlong values[MOST];
	jlongArray made;

	(void)class;
	if (ctl == NULL || n > MOST)
		return fail(env, "there is no mallctl");
	if (ctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0)
		return fail(env, "mallctl has no epoch");
	for (jsize i = 0; i < n; i++) {
		jstring word = (*env)->GetObjectArrayElement(env, names, i);

		if (read_figure(ctl, env, word, &values[i]) != 0)
			return fail(env, "mallctl has no such figure");
		(*env)->DeleteLocalRef(env, word);
	}
	made = (*env)->NewLongArray(env, n);
	if (made != NULL)
		(*env)->SetLongArrayRegion(env, made, 0, n, values);
	return made;
}
