#include "train/study/merge.h"

#include <algorithm>
#include <bit>
#include <set>

#include "core/error.h"
#include "core/joined.h"
#include "data/files/atomic_file.h"
#include "train/config/difference.h"
#include "train/config/toml.h"
#include "train/study/provenance.h"
#include "train/study/share.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/training/output_folder.h"

namespace lockstep::train {

namespace fs = std::filesystem;

namespace {

struct Source {
  fs::path folder;
  StudyRecord record;
};

bool is_compared(const RunResult& run) {
  return std::ranges::all_of(run.measured, [](const auto& keyed) { return keyed.second.snapshot.empty(); });
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(
      a, b, {}, [](double x) { return std::bit_cast<std::uint64_t>(x); },
      [](double x) { return std::bit_cast<std::uint64_t>(x); });
}

// What a probe gave; of one that compares runs, once both have been.
bool same_measured(const RunResult& a, const RunResult& b) {
  for (const auto& [probe, measured] : a.measured) {
    const auto other = b.measured.find(probe);
    if (other == b.measured.end()) return false;
    const Series &first = measured.series, &second = other->second.series;
    if (measured.snapshot.empty() != other->second.snapshot.empty()) continue;
    if (first.steps != second.steps || !same_bits(first.values, second.values)) return false;
  }
  return true;
}

bool same_run(const RunResult& a, const RunResult& b) {
  return a.fingerprint == b.fingerprint && a.diverged == b.diverged && same_bits(a.losses, b.losses) &&
         same_measured(a, b);
}

std::string name_of(const RunKey& key, const StudyConfig& study) {
  return fmt::format("{}, arm {}, seed {}", study.experiments[key.experiment].run.task, key.arm, key.seed);
}

std::string partner_of(const RunKey& key, const std::vector<Design>& designs) {
  const Arm* const arm = arm_named(designs[key.experiment], key.arm);
  return arm ? arm->partner : "";
}

// What stands in study.h5 by itself: one that was killed before it had written has none, and is left out.
std::vector<Source> read_all(const std::vector<fs::path>& from, const fs::path& out) {
  std::vector<Source> sources;
  std::set<fs::path> known;
  const auto add = [&](fs::path folder) {
    if (folder.filename() == "study.h5") folder = folder.has_parent_path() ? folder.parent_path() : ".";
    if (!known.insert(fs::weakly_canonical(folder)).second) return;
    check(fs::is_directory(folder), "{}: expected a study's folder: there is none", folder.string());
    if (fs::exists(folder / "study.h5")) {
      sources.push_back({folder, read_study_record(folder / "study.h5")});
    } else {
      say("{} holds no study.h5 yet: left out\n", folder.string());
    }
  };
  if (fs::exists(out / "study.h5")) add(out);
  for (const fs::path& folder : from) add(folder);
  check(!sources.empty(), "there is nothing to merge: no folder holds a study.h5");
  return sources;
}

// Of all of them: each different word once; of the dates, the first.
std::map<std::string, std::string> about_all(const std::vector<Source>& sources, const std::string& command) {
  std::map<std::string, std::set<std::string>> words;
  for (const Source& source : sources) {
    for (const auto& [name, word] : source.record.about) words[name].insert(word);
  }
  std::map<std::string, std::string> about;
  for (const auto& [name, all] : words) about[name] = joined(all, "; ");
  about["config"] = sources.front().record.about.at("config");
  about["command"] = command;
  if (words.contains("date")) about["date"] = *words["date"].begin();
  for (const char* of_one : {"shard", "finished"}) about.erase(of_one);
  return about;
}

// The time of all sessions: that of an earlier merge holds it for what it was made of.
double seconds_of(const std::vector<Source>& sources, const fs::path& out) {
  double sum = 0, before = 0;
  for (const Source& source : sources) (source.folder == out ? before : sum) += source.record.seconds;
  return std::max(sum, before);
}

// Where a lost shard is made again: named as another one is, by its number.
std::string folder_of_shard(const Share& share, const std::vector<Source>& sources, const fs::path& out) {
  const auto shard_in = [](const Source& source) {
    const auto found = source.record.about.find("shard");
    return found == source.record.about.end() ? std::string() : found->second;
  };
  for (const Source& source : sources) {
    if (shard_in(source) == share.text()) return source.folder.string();
  }
  for (const Source& source : sources) {
    const std::string shard = shard_in(source), number = shard.substr(0, shard.find('/'));
    std::string folder = source.folder.string();
    if (shard.find('/') == std::string::npos || !folder.ends_with(number)) continue;
    folder.resize(folder.size() - number.size());
    if (!folder.ends_with('/')) return folder + std::to_string(share.index);
  }
  return fmt::format("{}-{}-{}", out.string(), share.index, share.count);
}

// Into how many shards the study was split; 0: into none, or not all alike.
std::int64_t shards_of(const std::vector<Source>& sources) {
  std::set<std::int64_t> counts;
  for (const Source& source : sources) {
    const auto found = source.record.about.find("shard");
    if (found != source.record.about.end() && found->second != "rates")
      counts.insert(share_from(found->second).count);
  }
  return counts.size() == 1 ? *counts.begin() : 0;
}

void say_missing(const std::vector<Job>& jobs, const StudyConfig& study, const std::vector<Source>& sources,
                 const fs::path& out) {
  const std::string settings = (out / "study.toml").string();
  show("{} missing (of what can be trained now):\n", count(std::ssize(jobs), "run"));
  const auto line = [&](const Share& share, const std::string& rates) {
    const auto of_it = [&](const Job& job) { return share.has(job.key, study); };
    const auto runs = std::ranges::count_if(jobs, of_it);
    if (runs == 0) return;
    const std::string folder =
        share.kind == Share::Kind::rates ? out.string() + "-rates" : folder_of_shard(share, sources, out);
    const bool begun = fs::exists(fs::path(folder) / "study.h5");
    show("  {} (first: {}): lockstep study {} --shard {}{} --out {}{}\n", count(runs, "run"),
         name_of(std::ranges::find_if(jobs, of_it)->key, study), settings, share.text(), rates, folder,
         begun ? " --resume" : "");
  };
  const bool rates_missing =
      std::ranges::any_of(jobs, [](const Job& job) { return is_tuning_seed(job.key.seed, *job.experiment); });
  const bool tuned =
      std::ranges::any_of(study.experiments, [](const ExperimentConfig& e) { return e.tune != "off"; });
  const std::int64_t shards = shards_of(sources);
  if (rates_missing) {
    line({.kind = Share::Kind::rates}, "");
  } else {
    for (std::int64_t i = 1; i <= shards; ++i)
      line({Share::Kind::part, i, shards}, tuned ? " --rates " + out.string() : "");
  }
  show("  all of them, on one machine: lockstep study {} --out {} --resume\n", settings, out.string());
}

}  // namespace

void take_runs(StudyStore& store, const StudyConfig& study, const std::vector<Design>& designs,
               StudyRecord record, const fs::path& folder) {
  const std::vector<std::string> other = differences(config_of(record, folder / "study.h5"), study);
  check(other.empty(), "{} holds another study (there, asked for): {}: leave it out", folder.string(),
        joined(other, "; "));
  for (auto& [key, run] : record.runs) {
    const RunResults& known = store.record().runs;
    const auto twice = known.find(key);
    if (twice != known.end()) {
      check(same_run(run, twice->second),
            "{} has another result in {} (by {}, Lockstep {}) than elsewhere (by {}, Lockstep {}): one "
            "training "
            "gives the same bits each time, on equal processors: leave one of the folders out",
            name_of(key, study), folder.string(), run.processor, run.version, twice->second.processor,
            twice->second.version);
      if (is_compared(twice->second) || !is_compared(run)) continue;
    }
    store.take_over(key, std::move(run), partner_of(key, designs));
  }
}

void merge_studies(const std::vector<fs::path>& from, const fs::path& out, const std::string& command) {
  std::vector<Source> sources = read_all(from, out);
  const StudyConfig study = config_of(sources.front().record, sources.front().folder / "study.h5");
  std::vector<Design> designs;
  for (const ExperimentConfig& experiment : study.experiments) designs.push_back(design_of(experiment));
  StudyStore store(out / "study.h5", about_all(sources, command), study);
  store.count(seconds_of(sources, out));
  for (const Source& source : sources) take_runs(store, study, designs, source.record, source.folder);

  const OutputFolder folder(out);
  store.start();
  data::write_file(out / "study.toml", to_toml(study));
  show("{}: {} from {}\n", (out / "study.h5").string(), count(std::ssize(store.record().runs), "run"),
       count(std::ssize(sources), "folder"));
  const Plan left = plan_of(study, designs, store.record().runs);
  if (!left.jobs.empty()) say_missing(left.jobs, study, sources, out);
  show("The verdict{}: lockstep report {}\n", left.jobs.empty() ? "" : " of the seeds that are whole",
       out.string());
}

}  // namespace lockstep::train
