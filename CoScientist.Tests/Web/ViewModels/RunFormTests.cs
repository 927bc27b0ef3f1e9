using System.Text.Json;
using CoScientist.Core.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class RunFormTests
{
    [Fact]
    public void Fields_OfTheForm_AreFieldsOfTheSpecificationWithTheirDefaults()
    {
        var form = new RunForm(new RunSpec(), "sandbox-grpo");

        Assert.All(RunFields.All, field => Assert.True(field.Path is "data.domains" or "data.studies" or "stages" || form[field.Path].Length > 0, field.Path));
        Assert.All(RunFields.All.Where(field => field.Kind == RunFieldKind.Choice), field => Assert.Contains(form[field.Path], field.Choices));
        Assert.Equal(("40", "proposed,approved,edited", "1"), (form["steps"], form["data.rubricStates"], form["reward.unfinishedPenalty"]));
    }

    [Fact]
    public void Set_SeveralWrong_AreNamedAtTheirFieldsAllAtOnce()
    {
        var form = new RunForm(new RunSpec(), "sandbox-grpo");

        form.Set("steps", "many");
        form.Set("groupSize", "1");
        form.Set("learningRate", "");

        Assert.Null(form.Spec);
        Assert.All((string[])["steps", "groupSize", "learningRate"], path => Assert.Single(form.FaultsOf(path)));
        form.Set("steps", "30");
        form.Set("groupSize", "8");
        form.Set("learningRate", "0.0001");
        Assert.Empty(form.Faults);
        Assert.Equal((30, 1e-4), (form.Spec!.Steps, form.Spec.LearningRate));
    }

    [Fact]
    public void CommandLine_ChangedFields_GiveTheSameSpecification()
    {
        var form = new RunForm(RunPresets.All[0].Spec, RunPresets.All[0].Name);
        form.Set("steps", "12");
        form.Choose("data.domains", "ml", chosen: true);
        form.Choose("data.domains", "physics", chosen: true);

        Assert.EndsWith("train --preset sandbox-grpo --set data.domains=ml,physics --set steps=12", form.CommandLine, StringComparison.Ordinal);
        var same = RunPresets.Apply(RunPresets.All[0].Spec, ["steps=12", "data.domains=ml,physics"], "test");
        Assert.Equal(JsonSerializer.Serialize(same, RunSpec.JsonOptions), JsonSerializer.Serialize(form.Spec, RunSpec.JsonOptions));
    }

    [Fact]
    public void Estimate_TwiceThePlans_TakesTwiceAsLong()
    {
        var timed = new Run { Id = default, Name = "x-1", SpecJson = JsonSerializer.Serialize(new RunSpec(), RunSpec.JsonOptions), CreatedAt = default };
        var spec = new RunSpec { Steps = 10, ValidationGoals = 64, TestGoals = 0 };

        var once = RunEstimate.Of(spec, timed, 6.4);
        var twice = RunEstimate.Of(spec with { Steps = 20, ValidationGoals = 128, EvaluateEvery = 20 }, timed, 6.4);

        Assert.Equal(64 + (2 * 6.4), once.Duration.TotalSeconds, 6);
        Assert.Equal(2 * once.Duration.TotalSeconds, twice.Duration.TotalSeconds, 6);
        Assert.Equal("x-1", once.Run);
    }
}
