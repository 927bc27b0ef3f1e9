using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Extraction.Pipelines;
using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Tests.Shared;
using CoScientist.Training.Sandbox;
using CoScientist.Training.Sandbox.Extractor;
using CoScientist.Training.Sandbox.Leakage;

namespace CoScientist.Tests.Training.Sandbox.Extractor;

public sealed class SandboxLessonsTests
{
    private static readonly SandboxGoal[] Goals = [.. SandboxLibrary.Goals.Where(goal => goal.Split == GoalSplit.Train).Take(12)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Task<IReadOnlyList<SandboxDialogue>> LessonsAsync(SandboxGoal goal) => SandboxLessons.OfAsync(goal, new SeededRandom(3, goal.WordingSeed), Token);

    [Fact]
    public async Task OfAsync_answers_given_to_the_pipelines_make_a_goal_that_is_true_to_the_paper_and_leaks_nothing()
    {
        foreach (var goal in Goals)
        {
            var lessons = await LessonsAsync(goal);
            Assert.Equal(9, lessons.Count);

            // A model that has learnt the lessons by heart is asked nothing else, by either pipeline.
            var known = lessons.ToDictionary(lesson => (lesson.Prompt.System, lesson.Prompt.User), lesson => lesson.Answer);
            var paper = SandboxManuscript.Read(goal);
            foreach (var pipeline in ExtractionPipelines.Names)
            {
                var model = new ScriptedTextModel((prompt, _) => ScriptedTextModel.Answer(known[(prompt.System, prompt.User)]));
                var extracted = await ExtractionPipelines.ExtractAsync(pipeline, model, model, paper, 1, Token);

                var stored = new Goal
                {
                    Id = new GoalId(Guid.NewGuid()),
                    Domain = "general",
                    Text = extracted.Text,
                    Split = GoalSplit.Test,
                    Origin = "model",
                    CreatedAt = DateTimeOffset.UnixEpoch,
                    Items = [.. extracted.Items.Select(item => new RubricItem { Id = new RubricItemId(Guid.NewGuid()), GoalId = default, Order = 0, Text = item.Text, ProposedText = item.Text, SourceSection = item.Source?.SectionOrder, SourceStart = item.Source?.Start, SourceLength = item.Source?.Length })],
                };
                var score = SandboxExtractionScore.None.Add(paper, stored);
                Assert.Equal(new SandboxExtractionScore(1, 1, score.Items, score.Items, score.Items, score.Items, score.Items, 0, 1), score);
                Assert.InRange(score.Items, 6, 8);
                Assert.Equal(score.Items, SandboxFacts.Of(extracted.ReferenceSolution!).Decisions.Count);
            }
        }
    }

    [Fact]
    public async Task OfAsync_judge_learns_which_items_a_goal_gives_away_in_whatever_words()
    {
        var leaks = 0;
        var items = 0;
        foreach (var goal in Goals)
        {
            var judged = Assert.Single(await LessonsAsync(goal), lesson => lesson.Answer.StartsWith("{\"items\":[{\"item\"", StringComparison.Ordinal));
            var told = SandboxFacts.Of(judged.Prompt.User[..judged.Prompt.User.IndexOf("REQUIREMENTS", StringComparison.Ordinal)]);
            var lines = judged.Prompt.User.Split('\n').Where(line => line.Contains(". The plan should", StringComparison.Ordinal)).ToList();
            using var answer = JsonDocument.Parse(judged.Answer);
            foreach (var (line, entry) in lines.Zip(answer.RootElement.GetProperty("items").EnumerateArray()))
            {
                var faults = entry.GetProperty("faults").EnumerateArray().Select(fault => fault.GetString()).ToList();
                Assert.Equal(SandboxFacts.Of(line).Decisions.All(told.Decisions.Contains) ? ["leaks"] : [], faults);
                leaks += faults.Count;
                items++;
            }
        }

        Assert.InRange((double)leaks / items, 0.05, 0.5);
    }

    [Fact]
    public void Manuscript_read_by_the_reader_of_Markdown_is_the_paper_and_its_file_names_the_goal()
    {
        foreach (var goal in Goals)
        {
            var paper = SandboxManuscript.Read(goal);

            Assert.Equal([SectionRole.Background, SectionRole.Aims, SectionRole.Method, SectionRole.Experiments, SectionRole.Results], paper.Sections.OrderBy(section => section.Order).Select(section => section.Role));
            Assert.Equal(SandboxLeakage.Print(goal, SandboxPreviews.None).Sections.Select(section => section.Text), paper.Sections.OrderBy(section => section.Order).Select(section => section.Text));
            Assert.True(SandboxManuscript.TryParseFileName(paper.SourceName, out var named));
            Assert.Equal(goal, named);
        }

        Assert.All((string?[])[null, "", "notes.md", "w1_ml_3_1_0-4-7_12345", "w1_ml_3_1_0-4-7_12345.txt"], name => Assert.False(SandboxManuscript.TryParseFileName(name, out _)));
    }

    [Fact]
    public void Add_paper_without_a_goal_counts_what_was_not_found()
    {
        var paper = SandboxManuscript.Read(Goals[0]);

        var score = SandboxExtractionScore.None.Add(paper, null);

        Assert.Equal((1, 0, 0), (score.Papers, score.Goals, score.Found));
        Assert.InRange(score.Decisions, 6, 8);
    }
}
