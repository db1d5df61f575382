// In the place of libgdal.so.32 in the archive. Debian's OpenCV calls these functions for two map formats
// that san does not read (src/image/codec looks at a picture's first bytes before OpenCV does), and the real
// library would bring a hundred others, 130 MB. The names are GDAL's, as OpenCV's library asks for them; none
// is ever reached.
#include <cstdlib>

#define SAN_ABSENT [[noreturn]] __attribute__((visibility("default")))

enum GDALRWFlag : int {};
enum GDALDataType : int {};
struct GDALRasterIOExtraArg;

extern "C" {
__attribute__((visibility("default"))) void GDALAllRegister() {}
__attribute__((visibility("default"))) void* GDALOpen(const char*, int) {
  return nullptr;
}
__attribute__((visibility("default"))) void GDALClose(void*) {}
__attribute__((visibility("default"))) const char* GDALGetDataTypeName(int) {
  return "";
}
}

struct GDALDataset {
  SAN_ABSENT void* GetRasterBand(int);
  SAN_ABSENT int GetRasterCount();
  SAN_ABSENT int GetRasterXSize();
  SAN_ABSENT int GetRasterYSize();
};
struct GDALRasterBand {
  SAN_ABSENT int GetRasterDataType();
  SAN_ABSENT int GetXSize();
  SAN_ABSENT int GetYSize();
  SAN_ABSENT int RasterIO(GDALRWFlag, int, int, int, int, void*, int, int, GDALDataType, long long, long long,
                          GDALRasterIOExtraArg*);
};
struct GDALColorTable {
  SAN_ABSENT const void* GetColorEntry(int) const;
  SAN_ABSENT int GetPaletteInterpretation() const;
};

void* GDALDataset::GetRasterBand(int) {
  std::abort();
}
int GDALDataset::GetRasterCount() {
  std::abort();
}
int GDALDataset::GetRasterXSize() {
  std::abort();
}
int GDALDataset::GetRasterYSize() {
  std::abort();
}
int GDALRasterBand::GetRasterDataType() {
  std::abort();
}
int GDALRasterBand::GetXSize() {
  std::abort();
}
int GDALRasterBand::GetYSize() {
  std::abort();
}
int GDALRasterBand::RasterIO(GDALRWFlag, int, int, int, int, void*, int, int, GDALDataType, long long,
                             long long, GDALRasterIOExtraArg*) {
  std::abort();
}
const void* GDALColorTable::GetColorEntry(int) const {
  std::abort();
}
int GDALColorTable::GetPaletteInterpretation() const {
  std::abort();
}
