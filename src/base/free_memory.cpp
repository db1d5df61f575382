#include "base/free_memory.h"

#include <malloc.h>

namespace san {

void give_back_free_memory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace san
