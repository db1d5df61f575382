/* What every part of the C interface uses: versions, errors, buffers, cancellation, threads, pictures.
 * Included by san/san.h, which begins with the rules. */
#ifndef SAN_C_BASE_H
#define SAN_C_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SAN_C_API __attribute__((visibility("default")))
#else
#define SAN_C_API
#endif

/* Of this header. Grows when functions or fields are added; nothing is taken away or changes its meaning
 * while libsan.so keeps its number. */
#define SAN_API_VERSION 7

#ifdef __cplusplus
extern "C" {
#endif

/* Versions of the library that runs: "0.1.0", and the SAN_API_VERSION it was built with. */
SAN_C_API const char* san_version(void);
SAN_C_API int san_api_version(void);

/* Errors */
enum { SAN_OK = 0, SAN_ERROR = 1, SAN_CANCELLED = 2 };
/* Of this thread's last call that can fail: why it failed ("" if it did not), valid until the next such call
 * in this thread, and one of the codes above. */
SAN_C_API const char* san_last_error(void);
SAN_C_API int san_last_status(void);

typedef struct san_result san_result;

/* Bytes or text that the library made. Text is UTF-8 and followed by a 0 that the size does not count. */
typedef struct san_buffer san_buffer;
SAN_C_API const void* san_buffer_data(const san_buffer* buffer);
SAN_C_API size_t san_buffer_size(const san_buffer* buffer);
SAN_C_API void san_buffer_free(san_buffer* buffer);
/* Readers of the file see what was there before or all of it. */
SAN_C_API int san_save_file(const char* path, const void* data, size_t size);

/* Ends work from another thread or a signal handler: the call returns with SAN_CANCELLED within one operation
 * of the network. May serve any number of calls; must be freed after all of them. */
typedef struct san_cancellation san_cancellation;
SAN_C_API san_cancellation* san_cancellation_create(void);
SAN_C_API void san_cancellation_cancel(san_cancellation* cancellation);
SAN_C_API void san_cancellation_reset(san_cancellation* cancellation);
SAN_C_API void san_cancellation_free(san_cancellation* cancellation);
/* Called in the thread that does the work. */
typedef void (*san_progress)(int64_t done, int64_t total, void* user);

/* Threads shared by models: at most so many compute at any time. 0: one per processor. */
typedef struct san_threads san_threads;
SAN_C_API san_threads* san_threads_create(int threads);
SAN_C_API int san_threads_count(const san_threads* threads);
SAN_C_API void san_threads_free(san_threads* threads);

/* Pixels of the caller: height rows of width pixels of 8 bits per channel. */
enum { SAN_RGB = 0, SAN_BGR = 1, SAN_RGBA = 2, SAN_BGRA = 3, SAN_GREY = 4 };
typedef struct san_pixels {
  size_t size; /* sizeof(san_pixels) */
  const void* data;
  int32_t height, width;
  int32_t format;      /* SAN_RGB … */
  size_t stride_bytes; /* from row to row; 0: no gaps */
} san_pixels;

/* A picture that the library made: RGB, rows without gaps. */
typedef struct san_image san_image;
typedef struct san_decode_options {
  size_t size;        /* sizeof(san_decode_options) */
  int64_t max_pixels; /* 0: 10^8 */
  size_t max_bytes;   /* of the file; 0: 2^30; times $SAN_LIMITS */
  int32_t sandbox;    /* 1: PNG and JPEG too are decoded in a helper process that can do nothing else */
  int32_t reserved;   /* 0 */
} san_decode_options;
/* PNG, JPEG, WebP, BMP, TIFF, PNM; EXIF orientation applied. `name` stands for the path in errors. */
SAN_C_API san_image* san_image_load(const char* path, const san_decode_options* options);
SAN_C_API san_image* san_image_decode(const void* bytes, size_t size, const char* name,
                                      const san_decode_options* options);
/* A copy of pixels as RGB; set: into an image of before, whose memory is used again. */
SAN_C_API san_image* san_image_copy(const san_pixels* pixels);
SAN_C_API int san_image_set(san_image* image, const san_pixels* pixels);
/* Fills `pixels` (whose size field is set) with what the image holds, borrowed from it. */
SAN_C_API int san_image_pixels(const san_image* image, san_pixels* pixels);
SAN_C_API void san_image_free(san_image* image);

/* What holds the decoders of the sandbox on this system, and what is missing, in words. */
SAN_C_API san_buffer* san_sandbox_description(void);

SAN_C_API san_buffer* san_encode_png(const san_pixels* pixels);
SAN_C_API san_buffer* san_encode_jpeg(const san_pixels* pixels, int quality); /* 1 … 100 */
/* A PNG whose values are the labels; palette: 3 bytes for each of `colors` (at most 256) labels, or NULL. */
SAN_C_API san_buffer* san_encode_labels(const uint16_t* labels, int height, int width, const uint8_t* palette,
                                        size_t colors);
/* `count` colours, 3 bytes each, all different; the first n do not depend on how many follow. What overlays
 * use where none are given; the number of classes, "other", is 112, 112, 112. */
SAN_C_API int san_distinct_colors(uint8_t* rgb, size_t count);

#ifdef __cplusplus
}
#endif
#endif
