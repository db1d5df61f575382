#include "build.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <ranges>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "fetch.h"
#include "icons.h"
#include "sources.h"
#include "sprite_render.h"
#include "world/concepts.h"

namespace san {
namespace {

namespace fs = std::filesystem;

struct Job {
  std::string name, origin, content;  ///< an SVG document, or the bytes of a picture
  bool lines = false;                 ///< a line drawing, coloured as `fill` says
  LineFill fill = {};
  double line = 0;  ///< width of a line around every shape, in the document's units
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// Packages whose character tables name the icons of all sets.
constexpr std::array<std::string_view, 4> kNaming = {"noto", "twemoji", "fluent-emoji-flat", "openmoji"};

class Builder {
 public:
  explicit Builder(const WorldBuild& options)
      : options_(options), concepts_(load_concepts(options.concepts)), pool_(options.threads) {
    for (const auto& list : {options.clipart, options.photos})
      require(fs::is_regular_file(list),
              "{}: no such list, nor is one shipped under that name; say where it is", list.string());
    fs::create_directories(packages());
  }

  bool wanted(const SourcePackage& source) const {
    if (!trains(source.role)) return source.debian() ? options_.debian : options_.tests;
    if (source.kind == SourceKind::kPanoramas || options_.styles.empty()) return true;
    return std::find(options_.styles.begin(), options_.styles.end(), source.style) != options_.styles.end();
  }

  void run() {
    for (const auto& source : source_packages()) {
      if (!wanted(source)) continue;
      const fs::path folder = fetch(source);
      PictureFile& file = trains(source.role) ? train_ : test_;
      const std::size_t before = file.pictures.size();
      const int index = add_source(file, source, folder, source.role);
      switch (source.kind) {
        case SourceKind::kIconify:
          add_icons(source, folder, file, index);
          break;
        case SourceKind::kEmojiImages:
          add_images(folder, file, index);
          break;
        case SourceKind::kPanoramas:
          add_panoramas(source, folder, index);
          break;
        case SourceKind::kClipart:
          add_listed(folder / "usr/share/openclipart/svg", options_.clipart, true, file, index);
          break;
        case SourceKind::kStamps:
          add_listed(folder / "usr/share/tuxpaint/stamps", options_.photos, false, file, index);
          break;
        case SourceKind::kGroundTextures:
          add_grounds(folder, file, index);
          break;
        case SourceKind::kGreyTextures:
          add_grey_textures(folder, file, index);
          break;
        case SourceKind::kTemplates:
          add_templates(folder, file, index);
          break;
      }
      log::info("{}: {} pictures", source.style, file.pictures.size() - before);
    }
    write_pictures(train_, options_.folder / "train.pictures", &pool_);
    std::vector<const PictureFile*> files = {&train_};
    if (!test_.sources.empty()) {
      write_pictures(test_, options_.folder / "test.pictures", &pool_);
      files.push_back(&test_);
    }
    write_file_atomically(options_.folder / "ATTRIBUTION.md", attribution(files));
  }

 private:
  fs::path packages() const { return options_.folder / "packages"; }

  fs::path fetch(const SourcePackage& source) const {
    return source.debian() ? fetch_debian(std::string(source.package), packages())
                           : fetch_npm(std::string(source.package), std::string(source.version), packages());
  }

  static int add_source(PictureFile& file, const SourcePackage& source, const fs::path& folder, Role role) {
    const std::string version = source.debian() ? debian_version(folder) : std::string(source.version);
    file.sources.push_back({std::string(source.style), std::string(source.package) + " " + version,
                            std::string(source.licence), std::string(source.author), std::string(source.url),
                            role});
    return static_cast<int>(file.sources.size()) - 1;
  }

  const IconNames& names() {
    if (!names_) {
      names_.emplace();
      for (const auto style : kNaming)
        for (const auto& source : source_packages())
          if (source.style == style) names_->add(fetch(source));
    }
    return *names_;
  }

  void render(const std::vector<Job>& jobs, bool svg, PictureFile& file, int source) {
    std::vector<Picture> pictures(jobs.size());
    pool_.parallel_for(static_cast<std::int64_t>(jobs.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        pictures[i] = jobs[i].lines ? render_lines(jobs[i].content, jobs[i].fill, options_.side)
                      : svg         ? render_svg(jobs[i].content, options_.side, jobs[i].line)
                                    : decode_rgba(bytes_of(jobs[i].content), options_.side);
        pictures[i].name = jobs[i].name;
        pictures[i].origin = jobs[i].origin;
        pictures[i].source = source;
      }
    });
    for (auto& picture : pictures) {
      if (picture.pixels.empty())
        log::warn("{} ({}) cannot be drawn and is left out", picture.name, picture.origin);
      else
        file.pictures.push_back(std::move(picture));
    }
  }

  void add_icons(const SourcePackage& source, const fs::path& folder, PictureFile& file, int index) {
    const IconSet set(folder, source.licence);
    const auto& use = source.icons;
    std::optional<IconSet> base;
    if (!use.base.empty())
      for (const auto& other : source_packages())
        if (other.style == use.base) base.emplace(fetch(other), other.licence);
    std::vector<Job> jobs;
    for (const auto& entry : concepts_) {
      const auto icons = use.by_name ? icons_called(entry, names(), set, use.suffix)
                                     : icons_of(entry, names(), set, source.style.starts_with("fxemoji"));
      const auto based = base ? icons_of(entry, names(), *base, false) : std::vector<std::string>{};
      for (const auto& icon : icons) {
        if (use.wrong.find(" " + icon + " ") != std::string_view::npos) continue;
        Job job{entry.name, icon, set.document(icon, use.line)};
        job.lines = base.has_value();
        const double line = use.line * set.width(icon);
        (job.lines ? job.fill.stroke : job.line) = line;
        job.fill.gap = use.gap;
        if (use.over)
          job.fill.under = base->document(icon);
        else if (!based.empty())
          job.fill.inside = main_colours(render_svg(base->document(based.front()), options_.side), 3);
        if (use.solid) paint_solid(job);
        paint_tones(job, use.tones);
        jobs.push_back(std::move(job));
      }
    }
    render(jobs, true, file, index);
  }

  static void replace_all(std::string& text, std::string_view what, std::uint32_t colour) {
    const std::string name =
        fmt::format("#{:02x}{:02x}{:02x}", colour & 255u, colour >> 8 & 255u, colour >> 16 & 255u);
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += name.size())
      text.replace(at, what.size(), name);
  }

  /// One and the same blue in every drawing would give the set away.
  static void paint_tones(Job& job, const std::array<std::string_view, 3>& tones) {
    const auto& inside = job.fill.inside;
    const std::array<std::uint32_t, 3> colours = {0, inside.front(),
                                                  inside.size() > 1 ? inside[1] : 0xffffffu};
    for (std::size_t i = 0; i < tones.size(); ++i)
      for (const auto part : std::views::split(tones[i], ' '))
        replace_all(job.content, std::string_view(part.begin(), part.end()), colours[i]);
  }

  static void paint_solid(Job& job) {
    job.fill.around = true;
    replace_all(job.content, "currentColor", job.fill.inside.front());
    if (job.fill.inside.size() > 1)
      job.fill.inside.erase(job.fill.inside.begin());
    else
      job.fill.inside = {0xffffffu};
  }

  void add_images(const fs::path& folder, PictureFile& file, int index) {
    std::vector<Job> jobs;
    for (const auto& entry : concepts_)
      for (const auto& emoji : entry.emoji)
        for (const auto& variant : {emoji, emoji + "-fe0f"}) {
          const fs::path path = folder / "assets" / (variant + ".webp");
          if (!fs::exists(path)) continue;
          jobs.push_back({entry.name, variant, read_text_file(path)});
          break;
        }
    render(jobs, false, file, index);
  }

  void add_panoramas(const SourcePackage& source, const fs::path& folder, int index) {
    std::optional<int> test_index;
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder / "hdri"))
      if (entry.path().extension() == ".js") paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto& path : paths) {
      Picture picture = develop_panorama(bytes_of(decode_data_url(read_text_file(path))));
      picture.name = path.stem().stem().string();
      picture.origin = path.filename().string();
      const bool test = is_test_panorama(picture.name);
      if (test && !options_.tests) continue;
      if (test && !test_index) test_index = add_source(test_, source, folder, Role::kTestBackground);
      picture.source = test ? *test_index : index;
      (test ? test_ : train_).pictures.push_back(std::move(picture));
    }
  }

  /// Hand-picked files: a table of path below `base` and concept.
  void add_listed(const fs::path& base, const fs::path& list, bool svg, PictureFile& file, int index) {
    std::vector<Job> jobs;
    const std::string table = read_text_file(list);
    std::size_t begin = table.find('\n') + 1;
    while (begin < table.size()) {
      const std::size_t end = std::min(table.find('\n', begin), table.size());
      const std::string line = table.substr(begin, end - begin);
      begin = end + 1;
      const std::size_t tab = line.find('\t');
      require(tab != std::string::npos, "{}: expected a path and a concept in '{}'", list.string(), line);
      const std::string path = line.substr(0, tab);
      const std::size_t name = tab + 1;
      jobs.push_back({line.substr(name, line.find('\t', name) - name), path, read_text_file(base / path)});
    }
    render(jobs, svg, file, index);
  }

  void add_grounds(const fs::path& folder, PictureFile& file, int index) {
    constexpr std::array<std::pair<const char*, const char*>, 11> kGrounds = {{{"grass01", "grass"},
                                                                               {"grass02", "grass"},
                                                                               {"grass03", "grass"},
                                                                               {"sand01", "sand"},
                                                                               {"snow", "snow"},
                                                                               {"snow01", "snow"},
                                                                               {"snow02", "snow"},
                                                                               {"dirt01", "soil"},
                                                                               {"mud01", "soil"},
                                                                               {"pave01", "stone pavement"},
                                                                               {"pave02", "stone pavement"}}};
    for (const auto& [name, stuff] : kGrounds)
      add_background(folder / "usr/share/games/etr/terrains" / (std::string(name) + ".png"), stuff, 256, file,
                     index);
  }

  /// Photographs in grey, painted in a colour that they may have; the bricks lie on their side.
  void add_grey_textures(const fs::path& folder, PictureFile& file, int index) {
    const fs::path data = folder / "usr/lib/python3/dist-packages/skimage/data";
    add_background(data / "grass.png", "grass", 256, file, index);
    tint(file.pictures.back(), {0.80f, 1.10f, 0.38f});
    add_background(data / "brick.png", "brick wall", 256, file, index);
    tint(file.pictures.back(), {1.35f, 0.85f, 0.68f});
    turn(file.pictures.back());
  }

  void add_templates(const fs::path& folder, PictureFile& file, int index) {
    for (const char* name : {"cliff", "corn_maze", "lighthouse", "mossy_log", "ocean_splash", "ocean_waves",
                             "redwoods_above", "rocks", "sun_behind_clouds", "trees_at_dusk"})
      add_background(folder / "usr/share/tuxpaint/templates" / (std::string(name) + ".jpg"), name, 512, file,
                     index);
  }

  static void add_background(const fs::path& path, std::string name, int side, PictureFile& file, int index) {
    Picture picture = decode_square(bytes_of(read_text_file(path)), side);
    picture.name = std::move(name);
    picture.origin = path.filename().string();
    picture.source = index;
    file.pictures.push_back(std::move(picture));
  }

  const WorldBuild& options_;
  std::vector<Concept> concepts_;
  ThreadPool pool_;
  std::optional<IconNames> names_;
  PictureFile train_, test_;
};

}  // namespace

std::string attribution(const std::vector<const PictureFile*>& files) {
  std::string out =
      "# Pictures of the demo world\n\n"
      "Written by `san world build`. Pictures marked *train* or *train extra* may have been seen by weights "
      "trained on this world; all others only measure.\n\n"
      "| style | package | licence | by | used for | pictures |\n|---|---|---|---|---|---|\n";
  for (const auto* file : files)
    for (std::size_t i = 0; i < file->sources.size(); ++i) {
      const auto& s = file->sources[i];
      const auto count = std::count_if(file->pictures.begin(), file->pictures.end(),
                                       [&](const Picture& p) { return p.source == static_cast<int>(i); });
      out += fmt::format("| {} | {} | {} | {}, {} | {} | {} |\n", s.style, s.package, s.licence, s.author,
                         s.url, role_name(s.role), count);
    }
  return out;
}

void build_world(const WorldBuild& options) {
  Builder(options).run();
}

}  // namespace san
