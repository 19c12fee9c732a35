#include "train/report/findings.h"

#include <gtest/gtest.h>

#include "tests/data/temp_folder.h"

namespace lockstep::train {
namespace {

StudySummary finding() {
  Contrast c;
  c.cause = "coupling, tuned";
  c.name = "muon by the whole (3d, d) tensor";
  c.rule = "muon";
  c.scope = "muon at learning rate 0.32";
  c.metric = "mean loss";
  c.verdict = Verdict::different;
  c.pairs = 12;
  c.percent = -14;
  c.percent_low = -18;
  c.percent_high = -11;
  c.rates = {{.rate = 0.1}, {.rate = 0.2}};
  c.slope = RateSlope{.percent = 1, .low = 0.5, .high = 1.5, .p_adjusted = 0.01, .depends = true};
  Contrast untested = c;
  untested.verdict = std::nullopt;
  untested.cause = "coupling under adam";
  untested.note = "there is nothing to couple";
  TaskSummary task{.task = "copy", .title = "Copy task", .description = "2 layers."};
  task.contrasts = {c, untested};
  StudySummary study;
  study.name = "muon-qkv";
  study.question = "Whole or parts?";
  study.disputes = {"https://github.com/NVIDIA/Megatron-LM/pull/1428"};
  study.command = "lockstep study muon-qkv";
  study.commit = "abcdef0123";
  study.date = "2026-11-26T00:00:00Z";
  study.tasks = {task};
  return study;
}

TEST(Findings, EachVerdictIsALineWithItsScopeAndDispute) {
  const std::string page = findings_page(std::vector{finding()});
  EXPECT_TRUE(contains(
      page,
      "| muon by the whole (3d, d) tensor, tuned | **different**, depends on the learning rate | -14.0 "
      "[-18.0, -11.0]% | copy, muon at learning rate 0.32; mean loss | 12 | [muon-qkv](#muon-qkv) | "
      "[Megatron-LM 1428](https://github.com/NVIDIA/Megatron-LM/pull/1428) |\n"))
      << page;
  EXPECT_TRUE(contains(page, "`lockstep study muon-qkv`, commit abcdef0123, 2026-11-26T00:00:00Z")) << page;
  EXPECT_TRUE(
      contains(page, "With each doubling of the learning rate the effect changes by +1.0 [+0.5, +1.5]"))
      << page;
  EXPECT_TRUE(contains(page, "coupling under adam: there is nothing to couple.")) << page;
  EXPECT_TRUE(contains(
      page, "| what was changed | verdict | effect | task, learning rate; metric | seeds | study |"));
  // One line for each verdict, and no other.
  std::size_t lines = 0;
  for (std::size_t at = page.find("\n| "); at != page.npos; at = page.find("\n| ", at + 1)) ++lines;
  EXPECT_EQ(lines, 2u);  // with the heading's
}

TEST(Findings, WhatFailedItsControlIsSaid) {
  StudySummary study = finding();
  study.tasks[0].valid = false;
  EXPECT_TRUE(contains(findings_page(std::vector{study}), "the control failed, not to be trusted"));
}

}  // namespace
}  // namespace lockstep::train
