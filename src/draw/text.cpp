#include "draw/text.h"

#include <ft2build.h>
#include FT_FREETYPE_H

#include <algorithm>

#include "base/error.h"
#include "embedded/font_dejavu_sans.h"

namespace san {
namespace {

constexpr char32_t kReplacement = 0xfffd;

/// Length of the sequence a lead byte announces, 0 if it cannot lead.
std::size_t sequence_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead < 0xe0) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
  constexpr char32_t kSmallest[5]{0, 0, 0x80, 0x800, 0x10000};
  std::u32string result;
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = sequence_length(lead);
    char32_t code = length <= 1 ? lead : lead & (0xff >> (length + 1));
    bool valid = length > 0 && at + length <= text.size();
    for (std::size_t i = 1; valid && i < length; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      valid = (next & 0xc0) == 0x80;
      code = code << 6 | (next & 0x3f);
    }
    valid = valid && code >= kSmallest[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    result += valid ? code : kReplacement;
    at += valid ? length : 1;
  }
  return result;
}

struct Font::Face {
  FT_Library library = nullptr;
  FT_Face face = nullptr;

  ~Face() {
    if (face) FT_Done_Face(face);
    if (library) FT_Done_FreeType(library);
  }

  /// Calls visit(glyph slot) for each character in turn.
  template <class Visit>
  void for_each_glyph(std::string_view text, FT_Int32 flags, const Visit& visit) const {
    for (const char32_t code : decode_utf8(text)) {
      const char32_t shown = code < 0x20 || code == 0x7f ? U' ' : code;
      if (FT_Get_Char_Index(face, shown) != 0) {
        load(shown, flags, visit);
      } else {
        for (const char digit : fmt::format("U+{:04X}", static_cast<std::uint32_t>(shown)))
          load(static_cast<char32_t>(digit), flags, visit);
      }
    }
  }

 private:
  template <class Visit>
  void load(char32_t code, FT_Int32 flags, const Visit& visit) const {
    if (FT_Load_Char(face, code, flags) == 0) visit(face->glyph);
  }
};

Font::Font(int size) : face_(std::make_unique<Face>()), size_(size) {
  const std::string_view file = embedded::font_dejavu_sans();
  const bool loaded = FT_Init_FreeType(&face_->library) == 0 &&
                      FT_New_Memory_Face(face_->library, reinterpret_cast<const FT_Byte*>(file.data()),
                                         static_cast<FT_Long>(file.size()), 0, &face_->face) == 0 &&
                      FT_Set_Pixel_Sizes(face_->face, 0, static_cast<FT_UInt>(std::max(1, size))) == 0;
  require(loaded, "cannot load the built-in font at {} pixels", size);
}

Font::~Font() = default;

int Font::width(std::string_view text) const {
  FT_Pos width = 0;
  face_->for_each_glyph(text, FT_LOAD_DEFAULT, [&](FT_GlyphSlot glyph) { width += glyph->advance.x; });
  return static_cast<int>((width + 63) / 64);
}

int Font::cap_height() const {
  int height = 0;
  face_->for_each_glyph("H", FT_LOAD_DEFAULT, [&](FT_GlyphSlot glyph) {
    height = static_cast<int>(glyph->metrics.horiBearingY / 64);
  });
  return height;
}

std::string Font::fitted(std::string_view text, int limit) const {
  constexpr std::string_view kEllipsis = "…";
  // Glyphs have no kerning here, so the widths of characters add up.
  const int room = limit - width(kEllipsis);
  std::size_t fitting = 0;
  int used = 0;
  for (std::size_t at = 0; at < text.size() && used <= limit;) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    used += width(text.substr(at, end - at));
    at = end;
    if (used <= room) fitting = at;
  }
  if (used <= limit) return std::string(text);
  return std::string(text.substr(0, fitting)) + std::string(kEllipsis);
}

void Font::draw(Image& image, std::string_view text, int x, int y, const Rgb& color) const {
  FT_Pos pen = static_cast<FT_Pos>(x) * 64;
  face_->for_each_glyph(text, FT_LOAD_RENDER, [&](FT_GlyphSlot glyph) {
    const FT_Bitmap& bitmap = glyph->bitmap;
    const int left = static_cast<int>((pen + 32) / 64) + glyph->bitmap_left, top = y - glyph->bitmap_top;
    pen += glyph->advance.x;
    for (int v = std::max(0, -top); v < std::min(static_cast<int>(bitmap.rows), image.height - top); ++v)
      for (int u = std::max(0, -left); u < std::min(static_cast<int>(bitmap.width), image.width - left);
           ++u) {
        const int alpha = bitmap.buffer[v * bitmap.pitch + u];
        std::uint8_t* pixel = image.row(top + v) + 3 * (left + u);
        for (std::size_t c = 0; c < 3; ++c)
          pixel[c] = static_cast<std::uint8_t>((pixel[c] * (255 - alpha) + color[c] * alpha + 127) / 255);
      }
  });
}

}  // namespace san
