using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Runs;
using CoScientist.Web.ViewModels;

namespace CoScientist.Tests.Web.ViewModels;

public sealed class RunFormTests
{
    [Fact]
    public void Fields_OfTheForm_AreAllSettingsThereAreEachWithItsWords()
    {
        var document = JsonSerializer.SerializeToNode(new RunSpec(), RunSpec.JsonOptions)!.AsObject();
        var settings = document.SelectMany(field => field.Value is JsonObject group ? group.Select(inner => ($"{field.Key}.{inner.Key}", inner.Value)) : [(field.Key, field.Value)]).ToDictionary(StringComparer.Ordinal);
        var form = new RunForm(new RunSpec(), "sandbox-grpo");

        Assert.Equal(settings.Keys.Where(path => path != "version").Order(StringComparer.Ordinal), RunFields.All.Select(field => field.Path).Order(StringComparer.Ordinal));
        Assert.All(RunFields.All, field =>
        {
            Assert.NotEmpty(field.Label);
            Assert.NotEmpty(field.Meaning);
            Assert.NotEmpty(field.Source);
            Assert.Equal(form[field.Path], RunForm.Default(field.Path));
            Assert.True(settings[field.Path]?.GetValueKind() != JsonValueKind.Number || field.Range.Length > 0, field.Path);
            Assert.True(settings[field.Path]?.GetValueKind() is not (JsonValueKind.True or JsonValueKind.False) || field.Choices is { Count: 2 }, field.Path);
            Assert.True(field.Kind != RunFieldKind.Choice || field.Choices.Contains(form[field.Path]), field.Path);
        });
        Assert.Equal(("40", "proposed,approved,edited", "1"), (form["steps"], form["data.rubricStates"], form["reward.unfinishedPenalty"]));
    }

    [Fact]
    public void Ranges_OfTheForm_AreThoseOfTheCheck() => Assert.All(SettingRange.All, pair =>
    {
        var (path, range) = pair;
        var inside = range.AboveLow ? (range.Low + range.High) / 2 : range.Low;
        Assert.DoesNotContain(Faults(path, inside), fault => fault.Path == path);
        Assert.DoesNotContain(Faults(path, range.BelowHigh ? inside : range.High), fault => fault.Path == path);
        Assert.Contains(Faults(path, range.Low - 1), fault => fault.Path == path && fault.Message.Contains($"{range}", StringComparison.Ordinal));
        Assert.Contains(Faults(path, range.High + 1), fault => fault.Path == path);
    });

    [Fact]
    public void Import_WhatWasCopied_IsTheSameSpecification()
    {
        var json = JsonSerializer.Serialize(RunPresets.Find("sandbox-quick")!.Spec with { Seed = 7 }, RunSpec.JsonOptions);

        var form = RunForm.Import(json, "pasted");

        Assert.Equal(json, JsonSerializer.Serialize(form.Spec, RunSpec.JsonOptions));
        Assert.Equal(("7", "3"), (form["seed"], form["steps"]));
    }

    [Fact]
    public void Import_FaultyText_ShowsEveryFaultAtItsFieldWithWhatItSaid()
    {
        var form = RunForm.Import("""{"steps": "many", "groupSize": 1, "grpo": {"kl": "k9"}, "stpes": 4}""", "pasted");

        Assert.Null(form.Spec);
        Assert.All((string[])["steps", "groupSize", "grpo.kl"], path => Assert.Single(form.FaultsOf(path)));
        Assert.Equal(("many", "1", "k9", "8"), (form["steps"], form["groupSize"], form["grpo.kl"], form["goalsPerStep"]));
        Assert.Equal("stpes", Assert.Single(form.OtherFaults).Path);
        form.Set("steps", "30");
        form.Set("groupSize", "8");
        form.Set("grpo.kl", "k1");
        Assert.Equal("stpes", Assert.Single(form.Faults).Path);
        Assert.Null(form.Spec);
        form.Dismiss();
        Assert.Equal(30, form.Spec!.Steps);
    }

    [Theory]
    [InlineData("""{"version": 9, "steps": -1, "later": true}""", "version", "newer version")]
    [InlineData("steps: 4", "", "is not JSON")]
    [InlineData("""{"steps": 20, "steps": 30}""", "steps", "is given twice")]
    public void Import_NoSpecificationOfThisVersion_SaysOnlyThat(string json, string path, string message)
    {
        var fault = Assert.Single(RunForm.Import(json, "pasted").Faults);

        Assert.Equal(path, fault.Path);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
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

        Assert.EndsWith("train --preset sandbox-grpo --set steps=12 --set data.domains=ml,physics", form.CommandLine, StringComparison.Ordinal);
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

    private static IReadOnlyList<RunSpecFault> Faults(string path, double value)
    {
        try
        {
            RunPresets.Apply(new RunSpec(), [string.Create(CultureInfo.InvariantCulture, $"{path}={value:0.####}")], "test");
            return [];
        }
        catch (RunSpecException fault)
        {
            return fault.Faults;
        }
    }
}
