/* In the place of libicuuc.so.72 in the archive. Debian's libxml2, with which san-world reads drawings (SVG),
 * would use it for encodings beyond Unicode's own and Latin-1, and it brings 31 MB of tables. Such a drawing
 * is refused as one in an unknown encoding. The names are ICU's, as libxml2 asks for them. */
#include <stddef.h>
#include <stdlib.h>

#define SAN_PRESENT __attribute__((visibility("default")))

enum { kFileAccessError = 4 }; /* ICU's U_FILE_ACCESS_ERROR: no such converter */

SAN_PRESENT void* ucnv_open_72(const char* name, int* error) {
  (void)name;
  *error = kFileAccessError;
  return NULL;
}
SAN_PRESENT void ucnv_close_72(void* converter) {
  (void)converter;
}
/* None of these is reached without a converter. */
SAN_PRESENT void ucnv_convertEx_72(void) {
  abort();
}
SAN_PRESENT void ucnv_setFromUCallBack_72(void) {
  abort();
}
SAN_PRESENT void ucnv_setToUCallBack_72(void) {
  abort();
}
SAN_PRESENT void UCNV_FROM_U_CALLBACK_STOP_72(void) {
  abort();
}
SAN_PRESENT void UCNV_TO_U_CALLBACK_STOP_72(void) {
  abort();
}
