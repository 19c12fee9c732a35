#include "train/study/share.h"

#include <algorithm>

#include "core/error.h"
#include "train/text/range.h"

namespace lockstep::train {

namespace {

// The place of a seed among those of all experiments.
std::int64_t place_of(const RunKey& key, const StudyConfig& study) {
  std::int64_t before = 0;
  for (std::size_t i = 0; i < key.experiment; ++i) before += study.experiments[i].seeds;
  return before + key.seed - study.experiments[key.experiment].run.seed;
}

}  // namespace

bool Share::has(const RunKey& key, const StudyConfig& study) const {
  if (kind == Kind::all) return true;
  if (is_tuning_seed(key.seed, study.experiments[key.experiment])) return kind == Kind::rates;
  return kind == Kind::part && place_of(key, study) % count + 1 == index;
}

std::string Share::text() const {
  return kind == Kind::all ? "" : kind == Kind::rates ? "rates" : fmt::format("{}/{}", index, count);
}

Share share_from(const std::string& text) {
  if (text == "rates") return {.kind = Share::Kind::rates};
  constexpr Range parts{.least = 1, .most = 1e6};
  const std::size_t slash = text.find('/');
  check(slash != std::string::npos, "--shard {}: expected which one of how many, as in 3/16, or rates", text);
  Share share{.kind = Share::Kind::part};
  share.count = number_from<std::int64_t>("--shard " + text + ", of", text.substr(slash + 1), parts);
  share.index = number_from<std::int64_t>("--shard " + text + ", number", text.substr(0, slash),
                                          {.least = 1, .most = static_cast<double>(share.count)});
  return share;
}

void check_share(const Share& share, const StudyConfig& study) {
  if (share.is_whole()) return;
  check(std::ranges::none_of(study.experiments,
                             [](const ExperimentConfig& e) { return e.stopping == "decided"; }),
        "--shard {}: with stopping = \"decided\" each further seed depends on the runs of all shards: use "
        "mpirun "
        "lockstep-mpi study ..., or --stopping fixed",
        share.text());
}

Plan plan_of_share(const Share& share, const StudyConfig& study, const std::vector<Design>& designs,
                   const RunResults& done) {
  Plan plan = plan_of(study, designs, done);
  if (share.is_whole()) return plan;
  const auto chooses = [&](const Job& job) { return is_tuning_seed(job.key.seed, *job.experiment); };
  check(share.kind == Share::Kind::rates || std::ranges::none_of(plan.jobs, chooses),
        "--shard {}: this study chooses learning rates, and all shards must have the same: make them first, "
        "by the "
        "same command with --shard rates and an --out of its own, and name that folder here: --rates FOLDER",
        share.text());
  std::erase_if(plan.jobs, [&](const Job& job) { return !share.has(job.key, study); });
  plan.later = 0;
  return plan;
}

}  // namespace lockstep::train
