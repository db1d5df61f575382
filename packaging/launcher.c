/* Starts a program of the archive with the C library that the archive brings, on whatever system it lies. The
 * kernel takes the loader's path from the program file and knows no path relative to it, so this small static
 * program, one copy for each program, finds its own folder and calls the loader. /proc/self/exe is then
 * bin/san-loader: programs that look for their companions and data from there find them, as when installed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { kRoom = 256 }; /* for what is put behind the archive's folder */

static char root[PATH_MAX + kRoom], loader[PATH_MAX + kRoom], libraries[PATH_MAX + kRoom],
    program[PATH_MAX + kRoom];

int main(int argc, char** argv) {
  char self[PATH_MAX];
  /* Where /proc is not mounted, what this was started as. */
  if (!realpath("/proc/self/exe", self) && !realpath((const char*)getauxval(AT_EXECFN), self)) {
    fprintf(stderr, "error: %s: cannot find itself: %s\n", argv[0] ? argv[0] : "san", strerror(errno));
    return 2;
  }
  strcpy(root, self);
  const char* name = strrchr(self, '/') + 1;
  if (strlen(name) > kRoom / 2) return 2;
  /* bin/NAME and lib/.../NAME alike: up to the folder that has the loader. */
  for (;;) {
    char* slash = strrchr(root, '/');
    if (!slash) {
      fprintf(stderr, "error: %s: bin/san-loader is not above it; keep the archive's folders together\n",
              self);
      return 2;
    }
    *slash = '\0';
    snprintf(loader, sizeof loader, "%s/bin/san-loader", root);
    if (access(loader, X_OK) == 0) break;
  }
  snprintf(libraries, sizeof libraries, "%s/lib/bundled", root);
  snprintf(program, sizeof program, "%s/libexec/%s", root, name);

  char** arguments = calloc((size_t)argc + 8, sizeof *arguments);
  if (!arguments) return 2;
  int n = 0;
  arguments[n++] = loader;
  arguments[n++] = "--inhibit-cache"; /* nothing of the system's own libraries */
  arguments[n++] = "--library-path";
  arguments[n++] = libraries;
  arguments[n++] = "--argv0";
  arguments[n++] = argv[0] ? argv[0] : program;
  arguments[n++] = program;
  for (int i = 1; i < argc; ++i) arguments[n++] = argv[i];
  /* It is made for the system's C library. */
  unsetenv("LD_PRELOAD");
  execv(loader, arguments);
  fprintf(stderr, "error: %s: cannot run: %s\n", loader, strerror(errno));
  return 2;
}
