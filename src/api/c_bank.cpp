#include <algorithm>

#include "api/c_support.h"
#include "base/error.h"
#include "san/bank.hpp"

using namespace san::c;

struct san_bank {
  san::Bank bank;
};
struct san_bank_builder {
  san::BankBuilder builder;
};

san_bank* san_bank_load(const char* path) {
  return guard<san_bank*>(nullptr, [&] {
    need(path, "path");
    return new san_bank{san::Bank::load(path)};
  });
}
int san_bank_save(const san_bank* bank, const char* path) {
  return status([&] {
    need(path, "path");
    at(bank, "bank").bank.save(path);
  });
}
size_t san_bank_size(const san_bank* bank) {
  return bank != nullptr ? bank->bank.classes().size() : 0;
}
const char* san_bank_class(const san_bank* bank, size_t index) {
  return index < san_bank_size(bank) ? bank->bank.classes()[index].name.c_str() : nullptr;
}
int64_t san_bank_pictures(const san_bank* bank, size_t index) {
  return index < san_bank_size(bank) ? bank->bank.classes()[index].pictures : -1;
}
float san_bank_weight(const san_bank* bank) {
  return bank != nullptr ? bank->bank.weight() : 0;
}
void san_bank_free(san_bank* bank) {
  delete bank;
}

san_vocabulary* san_vocabulary_with_bank(const san_model* model, const san_vocabulary* vocabulary,
                                         const san_bank* bank, float weight) {
  return guard<san_vocabulary*>(nullptr, [&] {
    return new san_vocabulary{
        at(model, "model")
            .model.with_bank(at(vocabulary, "vocabulary").vocabulary, at(bank, "bank").bank, weight)};
  });
}

san_bank_builder* san_bank_builder_create(const san_model* model, const san_vocabulary* vocabulary) {
  return guard<san_bank_builder*>(nullptr, [&] {
    return new san_bank_builder{
        at(model, "model").model.bank_builder(at(vocabulary, "vocabulary").vocabulary)};
  });
}

int san_bank_builder_add(san_bank_builder* builder, const san_pixels* pixels, const uint16_t* labels,
                         size_t capacity, const san_segment_options* options) {
  return status([&] {
    san::BankBuilder& b = at(builder, "builder").builder;
    const san::ImageView picture = view(pixels);
    need(labels, "labels");
    require_room(capacity, 1, picture.height, picture.width, "labels");
    san::LabelMap map(picture.height, picture.width);
    std::copy_n(labels, map.labels.size(), map.labels.begin());
    b.add(picture, map, segmentation_options(options));
  });
}

int san_bank_builder_add_whole(san_bank_builder* builder, const san_pixels* pixels, int32_t class_index,
                               const san_segment_options* options) {
  return status(
      [&] { at(builder, "builder").builder.add(view(pixels), class_index, segmentation_options(options)); });
}

san_bank_builder* san_bank_builder_continue(const san_model* model, const san_vocabulary* vocabulary,
                                            const san_bank* bank) {
  return guard<san_bank_builder*>(nullptr, [&] {
    return new san_bank_builder{
        at(model, "model")
            .model.bank_builder(at(vocabulary, "vocabulary").vocabulary, at(bank, "bank").bank)};
  });
}

int san_bank_builder_use(san_bank_builder* builder, const san_vocabulary* vocabulary) {
  return status([&] { at(builder, "builder").builder.use(at(vocabulary, "vocabulary").vocabulary); });
}

int san_bank_builder_add_regions(san_bank_builder* builder, const san_features* features,
                                 const uint16_t* labels, size_t capacity, size_t* examples) {
  return status([&] {
    san::BankBuilder& b = at(builder, "builder").builder;
    const san::ImageFeatures& seen = at(features, "features").features;
    need(labels, "labels");
    require_room(capacity, 1, seen.height(), seen.width(), "labels");
    san::LabelMap map(seen.height(), seen.width());
    std::copy_n(labels, map.labels.size(), map.labels.begin());
    const std::size_t added = b.add_regions(seen, map);
    if (examples != nullptr) *examples = added;
  });
}

san_bank* san_bank_builder_finish(const san_bank_builder* builder) {
  return guard<san_bank*>(nullptr, [&] { return new san_bank{at(builder, "builder").builder.finish()}; });
}
void san_bank_builder_free(san_bank_builder* builder) {
  delete builder;
}
