#include <algorithm>

#include "api/c_support.h"
#include "base/labels.h"

using namespace san::c;

struct san_bank_builder {
  san::BankBuilder builder;
};

namespace {

template <class Value>
san::LabelMap known_labels(const Value* labels, int height, int width) {
  san::LabelMap map = label_map(labels, height, width);
  if (sizeof(Value) == 2) std::ranges::replace(map.labels, san::kNoLabel16, san::kNoLabel);
  return map;
}

template <class Value>
void add(san_bank_builder* builder, const san_pixels* pixels, const Value* labels, size_t capacity,
         const san_segment_options* options) {
  san::BankBuilder& b = at(builder, "builder").builder;
  const san::ImageView picture = view(pixels);
  require_room(capacity, 1, picture.height, picture.width, "labels");
  b.add(picture, known_labels(labels, picture.height, picture.width), segmentation_options(options));
}

template <class Value>
void add_regions(san_bank_builder* builder, const san_features* features, const Value* labels,
                 size_t capacity, const san_cancellation* cancellation, size_t* examples) {
  san::BankBuilder& b = at(builder, "builder").builder;
  const san::ImageFeatures& seen = at(features, "features").features;
  require_room(capacity, 1, seen.height(), seen.width(), "labels");
  const std::size_t added = b.add_regions(seen, known_labels(labels, seen.height(), seen.width()),
                                          watch(cancellation, nullptr, nullptr));
  if (examples != nullptr) *examples = added;
}

}  // namespace

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
san_bank* san_bank_read(const void* bytes, size_t size, const char* name) {
  return guard<san_bank*>(nullptr, [&] {
    need(bytes, "bytes");
    return new san_bank{san::Bank::read({static_cast<const std::byte*>(bytes), size}, text_or(name, "bank"))};
  });
}
san_buffer* san_bank_bytes(const san_bank* bank) {
  return guard<san_buffer*>(nullptr, [&] { return buffer(at(bank, "bank").bank.bytes()); });
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
int64_t san_bank_examples(const san_bank* bank, size_t index) {
  return index < san_bank_size(bank) ? bank->bank.classes()[index].examples : -1;
}
int64_t san_bank_all_pictures(const san_bank* bank) {
  return bank != nullptr ? bank->bank.pictures() : 0;
}
int san_bank_knows(const san_bank* bank, const san_vocabulary* vocabulary) {
  return guard(-1,
               [&] { return at(bank, "bank").bank.knows(at(vocabulary, "vocabulary").vocabulary) ? 1 : 0; });
}
int san_model_takes_bank(const san_model* model, const san_bank* bank) {
  return guard(-1, [&] { return at(model, "model").model.takes(at(bank, "bank").bank) ? 1 : 0; });
}
float san_bank_weight(const san_bank* bank) {
  return bank != nullptr ? bank->bank.weight() : 0;
}
int san_bank_gate(const san_bank* bank, float* open, float* closed) {
  return guard(-1, [&] {
    const std::optional<san::Bank::Gate> gate = at(bank, "bank").bank.gate();
    need(open, "open");
    need(closed, "closed");
    if (!gate) return 0;
    *open = gate->open, *closed = gate->closed;
    return 1;
  });
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
  return status([&] { add(builder, pixels, labels, capacity, options); });
}

int san_bank_builder_add32(san_bank_builder* builder, const san_pixels* pixels, const uint32_t* labels,
                           size_t capacity, const san_segment_options* options) {
  return status([&] { add(builder, pixels, labels, capacity, options); });
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
  return san_bank_builder_add_regions_cancellable(builder, features, labels, capacity, nullptr, examples);
}

int san_bank_builder_add_regions_cancellable(san_bank_builder* builder, const san_features* features,
                                             const uint16_t* labels, size_t capacity,
                                             const san_cancellation* cancellation, size_t* examples) {
  return status([&] { add_regions(builder, features, labels, capacity, cancellation, examples); });
}

int san_bank_builder_add_regions32(san_bank_builder* builder, const san_features* features,
                                   const uint32_t* labels, size_t capacity,
                                   const san_cancellation* cancellation, size_t* examples) {
  return status([&] { add_regions(builder, features, labels, capacity, cancellation, examples); });
}

size_t san_bank_builder_bytes(const san_bank_builder* builder) {
  return builder != nullptr ? builder->builder.bytes() : 0;
}

san_bank* san_bank_builder_finish(const san_bank_builder* builder) {
  return guard<san_bank*>(nullptr, [&] { return new san_bank{at(builder, "builder").builder.finish()}; });
}
void san_bank_builder_free(san_bank_builder* builder) {
  delete builder;
}
