#include "train/study/study_store.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "core/error.h"
#include "core/joined.h"
#include "train/config/difference.h"
#include "train/config/toml.h"
#include "train/config/validate.h"
#include "train/report/csv.h"
#include "train/report/verdict_words.h"
#include "train/study/analysis.h"
#include "train/study/metric.h"
#include "train/study/provenance.h"
#include "train/text/clock.h"
#include "train/text/output.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

constexpr const char* format = "lockstep study 3";
constexpr const char* wall_seconds = "wall_seconds";

std::string group_of(const RunKey& key) {
  return fmt::format("experiments/{}/{}/{:05}", key.experiment, key.arm,
                     key.seed);  // padded: sorted as numbers
}

void write_measured(h5::Group group, const Measured& measured) {
  const Series& series = measured.series;
  const auto steps = std::ssize(series.steps), names = std::ssize(series.names);
  if (names > 0) {
    group.set_attribute("names", std::span<const std::string>(series.names));
    group.write("steps", series.steps, {steps}).set_attribute("unit", "updates done before");
    group.write("values", series.values, {steps, names});
  }
  for (const auto& [name, values] : measured.snapshot)
    group.write("snapshot/" + name, values, {std::ssize(values)});
}

void write_run(h5::File& file, const RunKey& key, const RunResult& run, const ExperimentConfig& experiment) {
  h5::Group group = file.create_group(group_of(key));
  for (const Metric& metric : metrics()) {
    const Outcome outcome = metric.of(run.losses, run.diverged, experiment);
    const bool observed = outcome.ending == Ending::observed;
    group.set_attribute(metric.key, observed ? outcome.value : std::numeric_limits<double>::quiet_NaN());
  }
  group.set_attribute("diverged", run.diverged);
  group.set_attribute("seconds", run.seconds);
  group.set_attribute("parameters", run.parameters);
  group.set_attribute("fingerprint", fmt::format("{:016x}", run.fingerprint));
  group.set_attribute("version", run.version);
  group.set_attribute("processor", run.processor);
  h5::Dataset loss = group.write("loss", run.losses, {std::ssize(run.losses)});
  loss.set_attribute("unit", "nats, mean over the targets of the step's batch, before the step's update");
  for (const auto& [probe, measured] : run.measured)
    write_measured(group.create_group("probes/" + probe), measured);
}

template <typename Number>
Number number(const std::string& text, const std::string& where, int base = 10) {
  Number value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  check(error == std::errc() && rest == end, "{}: expected a number: got \"{}\"", where, text);
  return value;
}

Measured read_measured(const h5::Group& group) {
  Measured measured;
  if (group.has_attribute("names")) {
    measured.series = {group.attribute<std::vector<std::string>>("names"),
                       group.read<std::int64_t>("steps").values, group.read<double>("values").values};
    const std::size_t expected = measured.series.steps.size() * measured.series.names.size();
    check(measured.series.values.size() == expected, "{}: expected {} values: got {}", group.name(), expected,
          measured.series.values.size());
  }
  if (!group.has_group("snapshot")) return measured;
  const h5::Group snapshot = group.group("snapshot");
  for (const std::string& name : snapshot.children())
    measured.snapshot[name] = snapshot.read<double>(name).values;
  return measured;
}

RunResult read_run(const h5::Group& group) {
  RunResult run;
  run.diverged = group.attribute<std::int64_t>("diverged") != 0;
  run.seconds = group.attribute<double>("seconds");
  run.parameters = group.attribute<std::int64_t>("parameters");
  run.fingerprint =
      number<std::uint64_t>(group.attribute<std::string>("fingerprint"), group.name() + ", fingerprint", 16);
  run.losses = group.read<double>("loss").values;
  check(!run.losses.empty(), "{}: has no losses", group.name());
  if (group.has_attribute("version")) run.version = group.attribute<std::string>("version");
  if (group.has_attribute("processor")) run.processor = group.attribute<std::string>("processor");
  if (!group.has_group("probes")) return run;
  const h5::Group probes = group.group("probes");
  for (const std::string& probe : probes.children()) run.measured[probe] = read_measured(probes.group(probe));
  return run;
}

void write_differences(h5::Group& group, const Contrast& c) {
  h5::Dataset differences =
      group.write("differences", c.differences, {static_cast<std::int64_t>(c.differences.size())});
  differences.set_attribute("unit", c.unit + ", arm_b - arm_a, a value for each pair");
}

void write_slope(h5::Group& group, const RateSlope& slope) {
  const std::pair<const char*, double> numbers[] = {{"slope_percent", slope.percent},
                                                    {"slope_low95_percent", slope.low},
                                                    {"slope_high95_percent", slope.high},
                                                    {"p_slope_corrected", slope.p_adjusted}};
  for (const auto& [name, value] : numbers) group.set_attribute(name, value);
  group.set_attribute("depends_on_rate", slope.depends);
}

// As the columns of rates.csv, an entry for each rate.
void write_rates(h5::Group group, const std::vector<RateEffect>& rates) {
  const auto write = [&](const char* name, auto value) {
    std::vector<double> column;
    for (const RateEffect& at : rates) column.push_back(static_cast<double>(value(at)));
    group.write(name, column, {std::ssize(column)});
  };
  write("learning_rate", [](const RateEffect& at) { return at.rate; });
  write("judged", [](const RateEffect& at) { return at.judged; });
  write("pairs", [](const RateEffect& at) { return at.pairs; });
  write("mean_a_unit", [](const RateEffect& at) { return at.mean_a; });
  write("mean_b_unit", [](const RateEffect& at) { return at.mean_b; });
  write("effect_percent", [](const RateEffect& at) { return at.percent; });
  write("low95_percent", [](const RateEffect& at) { return at.percent_low; });
  write("high95_percent", [](const RateEffect& at) { return at.percent_high; });
  write("best_of_a", [](const RateEffect& at) { return at.best_a; });
  write("best_of_b", [](const RateEffect& at) { return at.best_b; });
}

void write_contrast(h5::Group group, const std::string& task, const Contrast& c) {
  const std::pair<const char*, std::string> texts[] = {
      {"task", task},           {"cause", c.cause},           {"scope", c.scope},
      {"question", c.question}, {"arm_a", c.arm_a},           {"arm_b", c.arm_b},
      {"metric", c.metric_key}, {"metric_label", c.metric},   {"unit", c.unit},
      {"note", c.note},         {"held_equal", c.held_equal}, {"verdict", std::string(word(c))}};
  for (const auto& [name, text] : texts) group.set_attribute(name, text);
  const std::pair<const char*, int> counts[] = {{"primary", c.primary},
                                                {"pairs", c.pairs},
                                                {"censored_pairs", c.censored},
                                                {"diverged_pairs", c.diverged},
                                                {"further_seeds", c.further_seeds},
                                                {"within_margin", c.within_margin}};
  for (const auto& [name, count] : counts) group.set_attribute(name, count);
  if (c.spread) {
    group.set_attribute("sd_unit", c.sd);
    group.set_attribute("spread_unit", *c.spread);
  }
  if (!c.pairs) return;
  write_differences(group, c);
  if (!c.verdict) return;
  const std::pair<const char*, double> numbers[] = {{"effect_unit", c.effect},
                                                    {"sd_unit", c.sd},
                                                    {"low95_unit", c.low},
                                                    {"high95_unit", c.high},
                                                    {"effect_percent", c.percent},
                                                    {"low95_percent", c.percent_low},
                                                    {"high95_percent", c.percent_high},
                                                    {"p", c.p},
                                                    {"p_corrected", c.p_adjusted},
                                                    {"margin_unit", c.margin},
                                                    {"p_equivalence", c.equivalence_p},
                                                    {"p_equivalence_corrected", c.equivalence_p_adjusted}};
  for (const auto& [name, value] : numbers) group.set_attribute(name, value);
  if (c.slope) write_slope(group, *c.slope);
  if (!c.rates.empty()) write_rates(group.create_group("rates"), c.rates);
}

// A table in columns, each an attribute: pandas.DataFrame(dict(file["arms"].attrs)).
void write_arms(h5::File& file, const std::vector<ArmRow>& arms) {
  h5::Group group = file.has_group("arms") ? file.group("arms") : file.create_group("arms");
  for (const auto& [name, column] : arm_columns()) {
    std::vector<std::string> values;
    for (const ArmRow& arm : arms) values.push_back(column(arm));
    group.set_attribute(name, std::span<const std::string>(values));
  }
}

void write_contrasts(h5::File& file, const StudySummary& summary) {
  std::size_t next = 0;
  h5::Group all = file.create_group("contrasts");
  all.set_attribute("about",
                    "effects are metric(arm_b) - metric(arm_a); *_unit are in the attribute unit, "
                    "*_percent in percent of arm_a's mean; intervals at 95%");
  for (const TaskSummary& task : summary.tasks) {
    for (const Contrast& contrast : task.contrasts)
      write_contrast(all.create_group(fmt::format("{:03}", next++)), task.task, contrast);
  }
}

}  // namespace

StudyRecord read_study_record(const std::filesystem::path& path) {
  const h5::File file = h5::File::open_foreign(path.string());
  check(file.has_attribute("format") && file.attribute<std::string>("format") == format,
        "{} is not a study file of this version (expected the attribute format = \"{}\")", path.string(),
        format);
  StudyRecord record{.seconds = file.attribute<double>(wall_seconds)};
  for (const std::string& name : file.attribute_names()) {
    if (name != "format" && name != wall_seconds) record.about[name] = file.attribute<std::string>(name);
  }
  check(record.about.contains("config"), "{}: has no configuration (the attribute config)", path.string());
  if (!file.has_group("experiments")) return record;
  const h5::Group experiments = file.group("experiments");
  for (const std::string& index : experiments.children()) {
    const h5::Group experiment = experiments.group(index);
    for (const std::string& arm : experiment.children()) {
      for (const std::string& seed : experiment.group(arm).children()) {
        const RunKey key{number<std::size_t>(index, experiments.name()), arm,
                         number<std::int64_t>(seed, experiment.name())};
        RunResult& run = record.runs[key] = read_run(experiment.group(arm).group(seed));
        if (run.version.empty()) run.version = record.about["version"];
        if (run.processor.empty()) run.processor = record.about["processor"];
      }
    }
  }
  return record;
}

StudyConfig config_of(const StudyRecord& record, const std::filesystem::path& file) {
  const std::string where = file.string() + ", its config";
  StudyConfig study = parse_study(record.about.at("config"), where);
  try {
    validate(study);
  } catch (const Error& error) {
    fail("{}: {}", where, error.what());
  }
  return study;
}

namespace {

// The configuration with as many seeds as asked for, where verdicts may be looked at before all are there.
StudyConfig with_more_seeds(StudyConfig there, const StudyConfig& asked) {
  if (there.experiments.size() != asked.experiments.size()) return there;
  for (std::size_t i = 0; i < asked.experiments.size(); ++i) {
    ExperimentConfig& experiment = there.experiments[i];
    if (experiment.stopping == "decided")
      experiment.seeds = std::max(experiment.seeds, asked.experiments[i].seeds);
  }
  return there;
}

}  // namespace

StudyStore::StudyStore(std::filesystem::path file, std::map<std::string, std::string> about,
                       const StudyConfig& study)
    : file_(std::move(file)), study_(study), counted_until_(monotonic_seconds()) {
  record_.about = std::move(about);
  std::vector<Design> designs;
  for (const ExperimentConfig& experiment : study.experiments) designs.push_back(design_of(experiment));
  declared_arms_ = arm_rows(study, designs);
}

void StudyStore::resume() {
  StudyRecord earlier = read_study_record(file_);
  const StudyConfig there = with_more_seeds(config_of(earlier, file_), study_);
  const std::vector<std::string> other = differences(there, study_);
  const bool seeds = std::ranges::any_of(
      other, [](const std::string& text) { return text.find("seeds: ") != std::string::npos; });
  check(other.empty(),
        "{} holds another study (there, asked for): {}: choose another --out, or the same settings{}",
        file_.string(), joined(other, "; "),
        seeds ? "; only with stopping = \"decided\" do verdicts stay valid as seeds are added" : "");
  for (const char* name : {"version", "processor"}) {
    const std::string &before = earlier.about[name], &now = record_.about[name];
    if (before != now) {
      say("{}: the {} was {} and is {}: each run says its own\n", file_.string(), name, printable(before),
          now);
    }
  }
  for (const char* kept : {"command", "date", "commit"}) record_.about[kept] = earlier.about[kept];
  record_.seconds += earlier.seconds;
  record_.runs = std::move(earlier.runs);
}

void StudyStore::take_over(const RunKey& key, RunResult result, const std::string& partner) {
  const std::lock_guard lock(mutex_);
  insert_locked(key, std::move(result), partner);
}

void StudyStore::add(const RunKey& key, RunResult result, const std::string& partner) {
  const std::lock_guard lock(mutex_);
  if (result.version.empty()) result.version = record_.about["version"];
  if (result.processor.empty()) result.processor = record_.about["processor"];
  insert_locked(key, std::move(result), partner);
  if (monotonic_seconds() - written_at_ > pause_) write_locked();
}

void StudyStore::insert_locked(const RunKey& key, RunResult result, const std::string& partner_arm) {
  const auto added = record_.runs.insert_or_assign(key, std::move(result)).first;
  changed_.insert(key);
  const auto partner = record_.runs.find({key.experiment, partner_arm, key.seed});
  if (partner != record_.runs.end()) {
    // In the order of their names, whichever came last: one of them is the reference.
    changed_.insert(partner->first);
    const bool partner_first = partner->first < key;
    compare((partner_first ? added : partner)->second.measured,
            (partner_first ? partner : added)->second.measured);
  }
}

void StudyStore::start() {
  const std::lock_guard lock(mutex_);
  write_locked();
  pause_ = 0;  // the first new run is written at once
}

// The last of a session, in one piece: a file in which runs were replaced has gaps.
void StudyStore::save() {
  const std::lock_guard lock(mutex_);
  written_.reset();
  write_locked();
}

void StudyStore::finish(const StudySummary& summary) {
  const std::lock_guard lock(mutex_);
  record_.about["finished"] = date_now();
  written_.reset();
  write_locked(&summary);
}

// What stands in the file whatever the runs.
void StudyStore::begin_locked() {
  written_ = h5::File::create(file_.string());
  written_->set_attribute("format", format);
  for (std::size_t i = 0; i < study_.experiments.size(); ++i) {
    const ExperimentConfig& experiment = study_.experiments[i];
    h5::Group group = written_->create_group(fmt::format("experiments/{}", i));
    group.set_attribute("task", experiment.run.task);
    for (const Metric& metric : metrics())
      group.set_attribute(
          metric.key, fmt::format("{}: {}, in {}", metric.label(experiment), metric.formula, metric.unit));
  }
  for (const ProbeKind& kind : probes()) {
    h5::Group group = written_->create_group("probes/" + kind.key);
    const std::pair<const char*, std::string> texts[] = {
        {"label", kind.label}, {"unit", kind.unit}, {"formula", kind.formula}, {"source", kind.source}};
    for (const auto& [name, text] : texts) group.set_attribute(name, text);
  }
  write_arms(*written_, declared_arms_);
  changed_.clear();
  for (const auto& [key, run] : record_.runs) changed_.insert(key);
}

void StudyStore::write_locked(const StudySummary* summary) {
  const double start = monotonic_seconds();
  if (!summary) {  // the time that the results were written with stands
    record_.seconds += start - counted_until_;
    counted_until_ = start;
  }
  if (!written_) begin_locked();
  written_->set_attribute(wall_seconds, record_.seconds);
  for (const auto& [name, value] : record_.about) written_->set_attribute(name, value);
  for (const RunKey& key : changed_) {
    if (written_->has_group(group_of(key))) written_->remove(group_of(key));
    write_run(*written_, key, record_.runs.at(key), study_.experiments[key.experiment]);
  }
  if (summary) write_arms(*written_, summary->arm_table);
  if (summary) write_contrasts(*written_, *summary);
  written_->commit();
  changed_.clear();
  written_at_ = monotonic_seconds();
  const double took = written_at_ - start;
  pause_ = std::max(std::min(1.0, 50 * took), 4 * took);
}

}  // namespace lockstep::train
