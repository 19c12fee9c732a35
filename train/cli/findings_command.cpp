// lockstep findings
#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "train/cli/commands.h"
#include "train/cli/device.h"
#include "train/config/toml.h"
#include "train/report/findings.h"
#include "train/study/studies.h"
#include "train/study/study.h"
#include "train/study/study_results.h"
#include "train/text/nearest.h"
#include "train/text/output.h"

namespace lockstep::train::cli {

namespace {

struct FindingsGiven {
  std::vector<std::string> studies;
  std::filesystem::path out = "out/findings", page;
  AskedDevice device;
};

// Those that are named; without names, all.
std::vector<StudyConfig> chosen(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  std::vector<StudyConfig> all;
  for (const auto& [name, text] : built_in_studies()) {
    known.push_back(name);
    StudyConfig study = parse_study(text, name + ".toml");
    if (names.empty() || std::ranges::find(names, name) != names.end()) all.push_back(std::move(study));
  }
  for (const std::string& name : names) expect_one_of("study", name, known);
  return all;
}

int findings(const FindingsGiven& given) {
  std::vector<StudySummary> found;
  const std::vector<StudyConfig> studies = chosen(given.studies);
  const Device device = device_for(*given.device, [] { return true; });
  for (const StudyConfig& study : studies) {
    const std::filesystem::path out = given.out / study.name;
    show("{} ({} of {}): {}\n", study.name, found.size() + 1, studies.size(), study.question);
    const StudyOptions options{.out = out,
                               .resume = std::filesystem::exists(out / "study.h5"),
                               .device = device,
                               .command = fmt::format("lockstep study {}", study.name),
                               .go_on = "lockstep findings"};
    if (run_study(study, options, stop_requested()) == StudyEnd::stopped) {
      say("Stopped; finished runs are in {}. Go on with the same command.\n", given.out.string());
      return exit_stopped;
    }
    found.push_back(summary_of(read_study_record(out / "study.h5")));
  }
  const std::filesystem::path page = given.page.empty() ? given.out / "findings.md" : given.page;
  data::write_file(page, findings_page(found));
  show("Findings: {}\n", page.string());
  return 0;
}

}  // namespace

void add_findings(CLI::App& app, Session& session) {
  auto given = std::make_shared<FindingsGiven>();
  CLI::App* command = app.add_subcommand("findings",
                                         "run the studies that come with Lockstep, and write their verdicts "
                                         "into one page, with the public disputes that they answer");
  command->add_option("studies", given->studies, "some of them by name (lockstep studies); default: all");
  command->add_option(
      "--out", given->out,
      "folder with one for each study; what is finished there is not run again; default: out/findings");
  command->add_option("--page", given->page, "the page, in Markdown; default: findings.md in --out");
  given->device = add_device(*command, "the GPU if there is one");
  command->callback([given, &session] { session.action = [given] { return findings(*given); }; });
}

}  // namespace lockstep::train::cli
