# tri.m4 -- probing the compiler for flags, one at a time.

# TRI_CFLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE, and substitutes it, each of FLAGS that the C compiler
# knows. -Werror, because clang only warns about a flag it does not know.
AC_DEFUN([TRI_CFLAGS], [
AC_LANG_PUSH([C])
for tri_flag in $2; do
	AC_MSG_CHECKING([whether $CC knows $tri_flag])
	tri_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $tri_flag"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		$1="${$1:+$$1 }$tri_flag"],
		[AC_MSG_RESULT([no])])
	CFLAGS=$tri_saved_CFLAGS
done
AC_LANG_POP([C])
AC_SUBST([$1])
])

# TRI_LDFLAGS(VARIABLE, FLAGS)
# The same for the linker.
AC_DEFUN([TRI_LDFLAGS], [
AC_LANG_PUSH([C])
for tri_flag in $2; do
	AC_MSG_CHECKING([whether the linker knows $tri_flag])
	tri_saved_LDFLAGS=$LDFLAGS
	LDFLAGS="$LDFLAGS $tri_flag"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes])
		$1="${$1:+$$1 }$tri_flag"],
		[AC_MSG_RESULT([no])])
	LDFLAGS=$tri_saved_LDFLAGS
done
AC_LANG_POP([C])
AC_SUBST([$1])
])
