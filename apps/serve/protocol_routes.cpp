// What other programs' protocols ask for.
#include <algorithm>

#include "base/utf8.h"
#include "routes.h"
#include "san/label_sets.hpp"
#include "san/version.hpp"
#include "serve/cvat.h"
#include "serve/label_studio.h"
#include "serve/open_inference.h"

namespace san::serve {
namespace {

/// A list of classes as CVAT's function.
CvatFunction function_of(const std::string& name) {
  const LabelSet set = label_set(name);
  std::vector<std::string> labels;
  for (const ClassName& c : label_set_classes(name)) labels.push_back(c.label);
  return {name, "the classes of " + set.name, std::move(labels)};
}

CvatFunction function_of(const Vocabularies::Status& s) {
  return {s.name, "a stored vocabulary", s.classes};
}

}  // namespace

HttpAnswer Routes::inference_server(Call&) {
  return json_answer({{"name", "san"}, {"version", version()}, {"extensions", {"binary_tensor_data"}}});
}

HttpAnswer Routes::inference_live(Call&) {
  return json_answer({{"live", true}});
}

HttpAnswer Routes::inference_ready(Call& call) {
  ready(call);
  return json_answer({{"ready", true}});
}

HttpAnswer Routes::inference_model(Call& call) {
  expect(call.names.size() < 2 || call.names[1] == "1", 404, "unknown_model", "", "there is version 1 only");
  return json_answer(inference_metadata(service_.models()[service_.find_model(call.names[0])].id));
}

HttpAnswer Routes::inference_model_ready(Call& call) {
  expect(call.names.size() < 2 || call.names[1] == "1", 404, "unknown_model", "", "there is version 1 only");
  const std::string& id = service_.models()[service_.find_model(call.names[0])].id;
  ready(call);
  return json_answer({{"name", id}, {"ready", true}});
}

HttpAnswer Routes::infer(Call& call) {
  expect(call.names.size() < 2 || call.names[1] == "1", 404, "unknown_model", "", "there is version 1 only");
  const std::string& id = service_.models()[service_.find_model(call.names[0])].id;
  InferenceRequest request = read_inference(call.request, service_.options().limits);
  call.request.body = {};
  request.segment.model = id;
  HttpAnswer answer;
  service_.segment(request.segment, call.caller,
                   [&](const Outcome& outcome) { answer = write_inference(request, outcome, id); });
  return answer;
}

std::string Routes::model_version() const {
  return service_.models()[0].id + " " + version();
}

HttpAnswer Routes::label_studio_health(Call&) {
  return json_answer({{"status", "UP"}, {"model_class", "san"}, {"model_version", model_version()}});
}

HttpAnswer Routes::label_studio_setup(Call& call) {
  parse_json_object(call.request.body);
  return json_answer({{"model_version", model_version()}});
}

HttpAnswer Routes::label_studio_predict(Call& call) {
  const PredictRequest request = read_predict_request(call.request.body);
  call.request.body = {};
  SegmentRequest segment = predict_segment(request, service_.options().limits);
  segment.other = options_.annotate_other;
  OrderedJson results = OrderedJson::array();
  for (const std::string& address : request.pictures) {
    segment.image =
        address.starts_with("data:") ? read_base64(address, "tasks") : options_.fetch_picture(address);
    service_.segment(segment, call.caller, [&](const Outcome& outcome) {
      results.push_back(write_prediction(request.config, outcome, model_version()));
    });
  }
  return json_answer({{"results", results}, {"model_version", model_version()}});
}

HttpAnswer Routes::label_studio_event(Call& call) {
  parse_json(call.request.body);
  return json_answer(OrderedJson::object(), 201);  // nothing is learnt from annotations here
}

HttpAnswer Routes::cvat_functions(Call&) {
  OrderedJson all = OrderedJson::object();
  for (const std::string& name : shipped_label_sets())
    all[name] = cvat_description(function_of(name), options_.port);
  for (const Vocabularies::Status& s : vocabularies_.all())
    if (s.state == Vocabularies::State::kReady) all[s.name] = cvat_description(function_of(s), options_.port);
  return json_answer(all);
}

HttpAnswer Routes::cvat_function(Call& call) {
  const std::string& name = call.names[0];
  const std::vector<std::string> sets = shipped_label_sets();
  const std::vector<Vocabularies::Status> stored = vocabularies_.all();
  const auto found = std::ranges::find(stored, name, &Vocabularies::Status::name);
  if (found != stored.end()) return json_answer(cvat_description(function_of(*found), options_.port));
  expect(std::ranges::find(sets, name) != sets.end(), 404, "unknown_vocabulary", "",
         "there is no such function here");
  return json_answer(cvat_description(function_of(name), options_.port));
}

HttpAnswer Routes::cvat_invoke(Call& call) {
  CvatCall invocation = read_cvat_call(call.request.body);
  call.request.body = {};
  std::string name = call.request.header("x-nuclio-function-name");
  const std::vector<Vocabularies::Status> stored = vocabularies_.all();
  if (name.empty()) {
    expect(stored.size() == 1, 422, "invalid_field", "",
           "without the header X-Nuclio-Function-Name one vocabulary must be stored; there are {}",
           stored.size());
    name = stored[0].name;
  }
  SegmentRequest segment;
  segment.image = std::move(invocation.image);
  const auto found = std::ranges::find(stored, name, &Vocabularies::Status::name);
  if (found != stored.end()) {
    segment.words.vocabulary = name;
    segment.model = found->model;
  } else {
    segment.words = read_words(Fields(Json{{"label_set", name}}), service_.options().limits);
  }
  segment.other = options_.annotate_other;
  segment.outputs = {Output::kScores};
  std::string masks;
  service_.segment(segment, call.caller,
                   [&](const Outcome& outcome) { masks = write_cvat_masks(outcome, invocation.threshold); });
  return {200, "application/json", std::move(masks), {}};
}

}  // namespace san::serve
