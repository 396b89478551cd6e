// What sites found in an image: once for all that found the same, and never more than a few.
#include "controller/core/image_surveys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metalmesh::controller {
namespace {

using ::testing::ElementsAre;

WallTime told_at(int seconds) { return WallTime() + std::chrono::seconds(seconds); }

wire::ImageFindings labelled(const std::string& label) {
  wire::ImageFindings findings;
  findings.set_label(label);
  return findings;
}

TEST(ImageSurveys, WhatSitesFindAlikeIsThereOnce) {
  rest::ImageStatus status;
  keep_survey(status, "par1", labelled("A"), told_at(1));
  keep_survey(status, "lyo1", labelled("A"), told_at(2));
  keep_survey(status, "lyo1", labelled("A"), told_at(3));
  ASSERT_EQ(status.surveys_size(), 1);
  EXPECT_THAT(status.surveys(0).sites(), ElementsAre("par1", "lyo1"));
  keep_survey(status, "par1", labelled("B"), told_at(4));
  ASSERT_EQ(status.surveys_size(), 2);
  EXPECT_THAT(status.surveys(0).sites(), ElementsAre("lyo1"));
  EXPECT_THAT(status.surveys(1).sites(), ElementsAre("par1"));
  keep_survey(status, "lyo1", labelled("B"), told_at(5));
  ASSERT_EQ(status.surveys_size(), 1);
  EXPECT_THAT(status.surveys(0).sites(), ElementsAre("par1", "lyo1"));
}

TEST(ImageSurveys, TheOldestMakesRoom) {
  rest::ImageStatus status;
  for (int i = 0; i < 20; ++i)
    keep_survey(status, "site" + std::to_string(i), labelled(std::to_string(i)), told_at(i));
  ASSERT_EQ(status.surveys_size(), 8);
  for (const rest::ImageSurvey& survey : status.surveys())
    EXPECT_GE(std::stoi(survey.findings().label()), 12);
}

TEST(ImageSurveys, OnlyTheSiteThatLookedAndByTheFileItHasNowRefuses) {
  rest::Image image;
  wire::ImageFindings findings;
  wire::ImageVerdict& verdict = *findings.add_verdicts();
  verdict.set_family("rhel");
  verdict.set_family_sha256("aa");
  verdict.set_obstacle("no entry will do");
  keep_survey(*image.mutable_status(), "par1", findings, told_at(1));
  MeshState mesh;
  EXPECT_EQ(image_refused_at(mesh, image, "par1", "rhel"), std::nullopt)
      << "it did not say by what it renders";
  mesh.families["par1"]["rhel"] = "aa";
  mesh.families["lyo1"]["rhel"] = "aa";
  EXPECT_EQ(image_refused_at(mesh, image, "par1", "rhel"), "no entry will do");
  EXPECT_EQ(image_refused_at(mesh, image, "par1", "debian"), std::nullopt);
  EXPECT_EQ(image_refused_at(mesh, image, "lyo1", "rhel"), std::nullopt);
  mesh.families["par1"]["rhel"] = "bb";
  EXPECT_EQ(image_refused_at(mesh, image, "par1", "rhel"), std::nullopt);
}

}  // namespace
}  // namespace metalmesh::controller
