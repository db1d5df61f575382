#pragma once
#include <string>
#include <vector>

#include "base/random.h"
#include "world/world.h"

namespace san {

/// "a", "an": by sound as far as spelling tells, with the exceptions that occur.
std::string_view indefinite_article(std::string_view word);

/// A caption of one thing: a template around its name or a synonym (80 in 100), its name and some keywords
/// (15), keywords alone (5).
std::string caption_subject(const Concept& subject, Rng& rng);

/// A caption of one stuff class: "a brick wall", "a photo of grass".
std::string caption_stuff(int stuff, Rng& rng);

/// "a photo of two foxes, a chili pepper and some grapes on the soil in front of a brick wall". `subjects`
/// may repeat; stuff as in Scene.
std::string caption_scene(const std::vector<Concept>& concepts, const std::vector<int>& subjects,
                          const std::vector<int>& stuff, Rng& rng);

}  // namespace san
