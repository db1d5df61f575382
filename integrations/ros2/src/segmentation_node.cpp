#include <memory>
#include <mutex>
#include <rclcpp/rclcpp.hpp>
#include <rclcpp_components/register_node_macro.hpp>
#include <sensor_msgs/msg/image.hpp>
#include <vision_msgs/msg/label_info.hpp>

#include "messages.h"
#include "san/san.hpp"

namespace san::ros {

/// Subscribes `image`, publishes `labels`, `confidence`, `overlay` (each with the picture's header, computed
/// while somebody listens) and, latched, `label_info`. Parameters: docs in the package's README.
class SegmentationNode final : public rclcpp::Node {
 public:
  using ImageMessage = sensor_msgs::msg::Image;
  using LabelInfo = vision_msgs::msg::LabelInfo;

  explicit SegmentationNode(const rclcpp::NodeOptions& node_options)
      : Node("segmentation", node_options), model_(load()), segmenter_(model_.segmenter()) {
    options_.other = declare_parameter("other", false);
    options_.short_side = static_cast<int>(declare_parameter("short_side", 0));
    options_.tile = static_cast<int>(declare_parameter("tile", 0));
    labels_ = create_publisher<ImageMessage>("labels", rclcpp::SensorDataQoS());
    confidence_ = create_publisher<ImageMessage>("confidence", rclcpp::SensorDataQoS());
    overlay_ = create_publisher<ImageMessage>("overlay", rclcpp::SensorDataQoS());
    info_ = create_publisher<LabelInfo>("label_info", rclcpp::QoS(1).transient_local());
    speak(declare_parameter("classes", std::string("person, car, road, building, tree, sky")));
    changes_ = add_on_set_parameters_callback([this](const std::vector<rclcpp::Parameter>& changed) {
      rcl_interfaces::msg::SetParametersResult result;
      result.successful = true;
      for (const rclcpp::Parameter& parameter : changed) {
        if (parameter.get_name() != "classes") continue;
        try {
          speak(parameter.as_string());
        } catch (const std::exception& e) {
          result.successful = false;
          result.reason = e.what();
        }
      }
      return result;
    });
    // The newest picture alone: who cannot follow leaves pictures out instead of falling behind.
    images_ = create_subscription<ImageMessage>("image", rclcpp::SensorDataQoS().keep_last(1),
                                                [this](const ImageMessage& image) { segment(image); });
  }

 private:
  Model load() {
    ModelOptions options;
    options.backend = declare_parameter("backend", std::string("native"));
    options.device = declare_parameter("device", std::string("cpu"));
    options.threads = static_cast<int>(declare_parameter("threads", 0));
    return Model::load(declare_parameter("model", std::string("default")), options);
  }

  void speak(const std::string& classes) {
    auto words = std::make_shared<const Vocabulary>(model_.vocabulary(parse_class_list(classes)));
    LabelInfo info;
    info.header.stamp = now();
    std::vector<std::string> names = words->classes();
    if (options_.other) names.emplace_back("other");
    fill_label_info(info, names);
    const std::lock_guard lock(mutex_);
    words_ = std::move(words);
    info_->publish(info);
  }

  void segment(const ImageMessage& image) {
    std::shared_ptr<const Vocabulary> words;
    {
      const std::lock_guard lock(mutex_);
      words = words_;
    }
    const bool scores = confidence_->get_subscription_count() > 0,
               shown = overlay_->get_subscription_count() > 0;
    if (!scores && !shown && labels_->get_subscription_count() == 0) return;
    try {
      options_.label_scores = scores;
      const ImageView view = view_of(image);
      segmenter_.segment(view, *words, options_, result_);
      const auto publish = [&](auto& publisher, auto fill) {
        auto message = std::make_unique<ImageMessage>();
        message->header = image.header;
        fill(*message);
        publisher->publish(std::move(message));
      };
      const std::size_t classes = result_.classes().size() + (options_.other ? 1 : 0);
      publish(labels_, [&](ImageMessage& m) { fill_labels(m, result_.labels, classes); });
      if (scores)
        publish(confidence_, [&](ImageMessage& m) {
          fill_confidence(m, result_.labels.height, result_.labels.width, result_.label_scores);
        });
      if (shown) publish(overlay_, [&](ImageMessage& m) { fill_rgb(m, draw_overlay(view, result_)); });
    } catch (const std::exception& e) {
      RCLCPP_ERROR_THROTTLE(get_logger(), *get_clock(), 5000, "%s", e.what());
    }
  }

  Model model_;
  Segmenter segmenter_;
  SegmentationOptions options_;
  Segmentation result_;
  std::mutex mutex_;
  std::shared_ptr<const Vocabulary> words_;
  rclcpp::Publisher<ImageMessage>::SharedPtr labels_, confidence_, overlay_;
  rclcpp::Publisher<LabelInfo>::SharedPtr info_;
  rclcpp::Subscription<ImageMessage>::SharedPtr images_;
  OnSetParametersCallbackHandle::SharedPtr changes_;
};

}  // namespace san::ros

RCLCPP_COMPONENTS_REGISTER_NODE(san::ros::SegmentationNode)
