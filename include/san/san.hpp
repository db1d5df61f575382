#pragma once
/// san: open-vocabulary semantic segmentation. A picture and any list of class names in, a class for every
/// pixel out.
///
///   san::Model model = san::Model::load("model.safetensors");            // or "default", "formula:vit-b-16"
///   san::Vocabulary words = model.vocabulary({"cat", "sofa|couch", "wall"});
///   san::Segmenter segmenter = model.segmenter();                        // one per thread
///   san::Segmentation result = segmenter.segment(san::load_image("cat.jpg"), words);
///   result.labels.row(y)[x];                                             // index into words.classes()
///
/// The steps, and what a caller may replace:
///   load        weights are read and prepared once for a backend, device and precision       san/model.hpp
///   vocabulary  names × prompt templates → embeddings; slow once, then cached, saved san/vocabulary.hpp
///               class lists and label sets                          san/class_names.hpp, san/label_sets.hpp
///   bank        labelled examples, asked beside the words                                    san/bank.hpp
///   picture     a view of any 8 bit pixels, cv::Mat, or a decoded file
///                                                    san/image_view.hpp, san/opencv.hpp, san/codec.hpp
///   segment     resize → network → labels; batches, frames, warm-up; one look, many words san/segmenter.hpp
///               several sizes, windows, tiles; pictures larger than memory  san/tiles.hpp, san/tiff.hpp
///   video       frames steadied by each other, between look and segment                      san/stream.hpp
///   result      labels, areas, scores, mask proposals, JSON, timing  san/segmentation.hpp, san/masks.hpp
///               regions as polygons                                                    san/polygons.hpp
///   show        overlay, sheet, colours; PNG, JPEG in memory  san/draw.hpp, san/colors.hpp, san/codec.hpp
///               how a picture became labels                                             san/explain.hpp
///
/// Errors: what goes wrong throws san::Error, whose message says where, expected, got, and what to do; work
/// that was asked to end throws san::Cancelled, which is one too. Objects stay usable. Threads: Model,
/// Vocabulary, ImageFeatures, Bank and ThreadBudget may be used from any number of threads, everything else
/// from one at a time. Segmenters of one model, and of models with one ThreadBudget, compute on the same
/// threads. Ownership: values. Handles share what they need; any may outlive any other. Views borrow until
/// the call returns. The same for C, and for programs that must run with libraries of other versions:
/// san/san.h; the few names that it does without are in docs/library.md.
#include "san/bank.hpp"
#include "san/calibration.hpp"
#include "san/class_names.hpp"
#include "san/codec.hpp"
#include "san/colors.hpp"
#include "san/draw.hpp"
#include "san/error.hpp"
#include "san/explain.hpp"
#include "san/image.hpp"
#include "san/image_view.hpp"
#include "san/label_sets.hpp"
#include "san/masks.hpp"
#include "san/model.hpp"
#include "san/polygons.hpp"
#include "san/segmentation.hpp"
#include "san/segmenter.hpp"
#include "san/stream.hpp"
#include "san/thread_budget.hpp"
#include "san/tiff.hpp"
#include "san/tiles.hpp"
#include "san/version.hpp"
#include "san/vocabulary.hpp"
