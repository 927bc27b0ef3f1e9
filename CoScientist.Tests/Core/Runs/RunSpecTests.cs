using System.Text;
using System.Text.Json;
using CoScientist.Core.Goals;
using CoScientist.Core.Runs;

namespace CoScientist.Tests.Core.Runs;

public sealed class RunSpecTests : IDisposable
{
    private readonly string file = Path.Combine(Directory.CreateTempSubdirectory("coscientist-").FullName, "run.json");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);

    [Fact]
    public void Check_DefaultsAndPresets_AreValid()
    {
        Assert.Empty(RunSpecValidator.Check(new RunSpec()));
        Assert.All(RunPresets.All, preset =>
        {
            Assert.Equal(preset.Spec.Data.Sandbox ? [] : ["model", "judge"], RunSpecValidator.Check(preset.Spec).Select(fault => fault.Path));
            Assert.Equal(preset.Name, preset.Spec.Name);
            Assert.Same(preset, RunPresets.Find(preset.Name));
        });
        Assert.Null(RunPresets.Find("sandbox"));
        Assert.Equal((40, 0.98, 3), (RunPresets.Find("sandbox-grpo")!.Spec.Steps, RunPresets.Find("sandbox-grpo")!.Spec.TopP, RunPresets.Find("sandbox-grpo")!.Spec.Reward.MalformedPenalty));
    }

    [Fact]
    public void Apply_RealPresetWithoutItsModel_SaysWhatIsMissing()
    {
        var fault = Assert.Throws<RunSpecException>(() => RunPresets.Apply(RunPresets.Find("opsd-grpo")!.Spec, [], "The preset opsd-grpo"));

        Assert.Contains("model must name a checkpoint of your own: none comes with the software", fault.Message, StringComparison.Ordinal);
        Assert.Contains("judge must name who watches the run and is not its grader", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_PresetsOfThePapers_HaveTheirNumbers()
    {
        var (full, adapters, both) = (RunPresets.Find("grpo")!.Spec, RunPresets.Find("grpo-lora")!.Spec, RunPresets.Find("opsd-grpo")!.Spec);

        Assert.Equal((1e-6, 0, 8, 0.0, 1.0), (full.LearningRate, full.Lora.Rank, full.GroupSize, full.Grpo.KlCoefficient, full.Reward.SpecificWeight));
        Assert.Equal((1e-5, 64), (adapters.LearningRate, adapters.Lora.Rank));
        Assert.Equal((0.7, 0.01, 5e-6, 1e-5, 64, 128.0), (both.Reward.SpecificWeight, both.Grpo.KlCoefficient, both.Opsd.LearningRate, both.LearningRate, both.Lora.Rank, both.Lora.Alpha));
        Assert.Equal(("sft", "dpo", "dpo"), (RunPresets.Find("sft")!.Spec.Method, RunPresets.Find("dpo")!.Spec.Method, RunPresets.Find("sandbox-dpo")!.Spec.Method));
    }

    [Theory]
    [InlineData("initial", "oracle", false)]
    [InlineData("initial", "initial", true)]
    [InlineData("sandbox-base", "initial", true)]
    [InlineData("server:big", "server:big", true)]
    [InlineData("oracle", "oracle", true)]
    [InlineData("server:big", "server:other", false)]
    public void Warnings_JudgeThatIsTheGrader_IsNamedAndAllowed(string grader, string judge, bool expected)
    {
        var spec = new RunSpec { Grader = grader, Judge = judge };

        Assert.Empty(RunSpecValidator.Check(spec));
        Assert.Equal(expected ? ["judge"] : [], RunSpecValidator.Warnings(spec).Select(warning => warning.Path));
    }

    public static TheoryData<string, RunSpec> Faulty() => new()
    {
        { "judge", new RunSpec { Judge = "" } },
        { "data.studies", new RunSpec { Data = new RunDataSpec { Studies = ["blind", "blind"] } } },
        { "data.studies", new RunSpec { Data = new RunDataSpec { Studies = [" "] } } },
        { "version", new RunSpec { Version = 2 } },
        { "name", new RunSpec { Name = "Über run" } },
        { "name", new RunSpec { Name = "../run" } },
        { "name", new RunSpec { Name = "run\n" } },
        { "name", new RunSpec { Name = "" } },
        { "method", new RunSpec { Method = "ppo" } },
        { "model", new RunSpec { Model = " " } },
        { "grader", new RunSpec { Grader = "" } },
        { "grader", new RunSpec { Grader = "server:" } },
        { "judge", new RunSpec { Judge = " " } },
        { "judge", new RunSpec { Judge = "server: " } },
        { "data.sandbox", new RunSpec { Grader = "oracle", Judge = "other", Data = new RunDataSpec { Sandbox = false } } },
        { "grading.verdicts", new RunSpec { Grader = "server:big", Grading = new GradingSpec { Verdicts = VerdictReading.Likelihood } } },
        { "grading.maxNewTokens", new RunSpec { Grading = new GradingSpec { MaxNewTokens = 0 } } },
        { "data.sandbox", new RunSpec { Data = new RunDataSpec { Sandbox = false } } },
        { "data.domains", new RunSpec { Data = new RunDataSpec { Domains = ["law"] } } },
        { "data.domains", new RunSpec { Data = new RunDataSpec { Domains = ["ml", "ml"] } } },
        { "data.rubricStates", new RunSpec { Data = new RunDataSpec { RubricStates = [] } } },
        { "data.rubricStates", new RunSpec { Data = new RunDataSpec { RubricStates = [RubricItemState.Approved, RubricItemState.Rejected] } } },
        { "data.rubricStates", new RunSpec { Data = new RunDataSpec { RubricStates = [(RubricItemState)7] } } },
        { "reward.malformedPenalty", new RunSpec { Reward = new RewardSpec { MalformedPenalty = -1 } } },
        { "steps", new RunSpec { Steps = 0, WarmupSteps = 0 } },
        { "steps", new RunSpec { Steps = 100_001 } },
        { "goalsPerStep", new RunSpec { GoalsPerStep = 0 } },
        { "groupSize", new RunSpec { GroupSize = 1 } },
        { "learningRate", new RunSpec { LearningRate = 0 } },
        { "learningRate", new RunSpec { LearningRate = double.NaN } },
        { "warmupSteps", new RunSpec { WarmupSteps = 41 } },
        { "maxGradNorm", new RunSpec { MaxGradNorm = double.PositiveInfinity } },
        { "clipLow", new RunSpec { ClipLow = 1 } },
        { "clipHigh", new RunSpec { ClipHigh = 0 } },
        { "temperature", new RunSpec { Temperature = 0 } },
        { "topP", new RunSpec { TopP = 1.5 } },
        { "maxNewTokens", new RunSpec { MaxNewTokens = 0 } },
        { "evaluateEvery", new RunSpec { EvaluateEvery = 0 } },
        { "validationGoals", new RunSpec { ValidationGoals = 0 } },
        { "testGoals", new RunSpec { TestGoals = -1 } },
        { "threads", new RunSpec { Threads = -1 } },
        { "stages", new RunSpec { Stages = ["grpo:40"] } },
        { "stages", new RunSpec { Method = "sequence" } },
        { "stages", new RunSpec { Method = "sequence", Stages = ["opsd"] } },
        { "stages", new RunSpec { Method = "sequence", Stages = ["opsd:-1", "grpo:41"] } },
        { "stages", new RunSpec { Method = "sequence", Stages = ["ppo:40"] } },
        { "stages", new RunSpec { Method = "sequence", Stages = ["opsd:0", "grpo:40"] } },
        { "steps", new RunSpec { Method = "sequence", Stages = ["opsd:20", "grpo:40"] } },
        { "reward.specificWeight", new RunSpec { Reward = new RewardSpec { SpecificWeight = 1.2 } } },
        { "reward.softLengthTokens", new RunSpec { Reward = new RewardSpec { SoftLengthTokens = 161 } } },
        { "reward.levelValues", new RunSpec { Reward = new RewardSpec { LevelValues = [0, 0.5, 0.4, 1] } } },
        { "reward.levelValues", new RunSpec { Reward = new RewardSpec { LevelValues = [0, 1] } } },
        { "grpo.epochs", new RunSpec { Grpo = new GrpoSpec { Epochs = 0 } } },
        { "grpo.klCoefficient", new RunSpec { Grpo = new GrpoSpec { KlCoefficient = -0.1 } } },
        { "grpo.entropyBonus", new RunSpec { Grpo = new GrpoSpec { EntropyBonus = double.NaN } } },
        { "grpo.resampleRounds", new RunSpec { Grpo = new GrpoSpec { ResampleRounds = 17 } } },
        { "sft.learningRate", new RunSpec { Sft = new SftSpec { LearningRate = 0 } } },
        { "opsd.mixture", new RunSpec { Opsd = new OpsdSpec { Mixture = 1 } } },
        { "opsd.plansPerGoal", new RunSpec { Opsd = new OpsdSpec { PlansPerGoal = 0 } } },
        { "dpo.beta", new RunSpec { Dpo = new DpoSpec { Beta = 0 } } },
        { "dpo.pairsPerStep", new RunSpec { Dpo = new DpoSpec { PairsPerStep = 0 } } },
        { "lora.rank", new RunSpec { Lora = new LoraSpec { Rank = -1 } } },
        { "lora.dropout", new RunSpec { Lora = new LoraSpec { Dropout = 1 } } },
        { "lora.modules", new RunSpec { Lora = new LoraSpec { Modules = ["lm_head"] } } },
        { "lora.modules", new RunSpec { Lora = new LoraSpec { Rank = 8, Modules = [] } } },
        { "watch.gap", new RunSpec { Watch = new WatchSpec { Gap = 2 } } },
    };

    [Theory]
    [MemberData(nameof(Faulty), DisableDiscoveryEnumeration = true)]
    public void Check_OneFault_NamesItsField(string path, RunSpec spec) =>
        Assert.Equal(path, Assert.Single(RunSpecValidator.Check(spec, ["ml", "medicine"])).Path);

    [Fact]
    public void Parts_Sequence_StandOneAfterTheOther()
    {
        var spec = new RunSpec { Method = "sequence", Stages = ["opsd:20", "grpo:40"], Steps = 60 };

        Assert.Empty(RunSpecValidator.Check(spec));
        Assert.Equal([new RunStage("opsd", 0, 20), new RunStage("grpo", 20, 40)], spec.Parts());
        Assert.Equal([new RunStage("grpo", 0, 40)], new RunSpec().Parts());
        Assert.Equal(spec.Stages, RunPresets.Apply(new RunSpec(), ["method=sequence", "stages=opsd:20,grpo:40", "steps=60", "grpo.ratio=sequence", "reward.levelValues=0,0.1,0.2,1"], "test").Stages);
    }

    [Fact]
    public void Apply_UnknownChoice_NamesThoseThereAre() => Assert.Contains(
        "grpo.normalisation must be \"tokenMean\" or \"sequenceMean\" or \"constant\"",
        Assert.Throws<RunSpecException>(() => RunPresets.Apply(new RunSpec(), ["grpo.normalisation=median"], "test")).Message,
        StringComparison.Ordinal);

    [Fact]
    public void Require_ThreeFaults_NamesAllAtOnce()
    {
        var spec = new RunSpec { Steps = 0, WarmupSteps = 0, GroupSize = 1, Data = new RunDataSpec { Domains = ["law"] } };

        var fault = Assert.Throws<RunSpecException>(() => RunSpecValidator.Require(spec, "form", ["ml"]));

        Assert.Equal("form has 3 faults: data.domains must be among ml, is \"law\"; steps must be 1 to 100000, is 0; groupSize must be 2 to 256: the group's mean is the baseline, is 1.", fault.Message);
    }

    [Fact]
    public void Read_WhatWasWritten_IsTheSame()
    {
        var spec = RunPresets.Find("sandbox-quick")!.Spec with { Data = new RunDataSpec { Domains = ["ml"], RubricStates = [RubricItemState.Edited] }, LearningRate = 1e-5 };
        File.WriteAllText(file, JsonSerializer.Serialize(spec, RunSpec.JsonOptions), new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        Assert.Equal(JsonSerializer.Serialize(spec, RunSpec.JsonOptions), JsonSerializer.Serialize(RunSpecFile.Read(file, ["ml"]), RunSpec.JsonOptions));
    }

    [Fact]
    public void Read_ThreeFaultsOfThreeKinds_NamesFieldAndLineOfEach()
    {
        File.WriteAllText(file, """
            {
              "name": "test",
              "goupSize": 8,
              "data": {
                "sandbox": "yes"
              },
              "temperature": 0
            }
            """);

        var fault = Assert.Throws<RunSpecException>(() => RunSpecFile.Read(file));

        Assert.Equal(
            [
                new("goupSize", "is not a field; did you mean groupSize?", 3),
                new("data.sandbox", "must be true or false, is \"yes\"", 5),
                new RunSpecFault("temperature", "must be above 0 and at most 10, is 0", 7),
            ],
            fault.Faults);
        Assert.StartsWith($"{file} has 3 faults: goupSize (line 3) is not a field", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"steps": 1.5}""", "steps (line 1) must be a whole number, is 1.5")]
    [InlineData("""{"steps": 99999999999}""", "steps (line 1) must be a whole number")]
    [InlineData("""{"name": null}""", "name (line 1) must be a text in quotes, is null")]
    [InlineData("""{"data": []}""", "data (line 1) must be an object, is []")]
    [InlineData("""{"data": null}""", "data (line 1) must be an object, is null")]
    [InlineData("""{"data": {"domains": "ml"}}""", "data.domains (line 1) must be a list of texts")]
    [InlineData("""{"data": {"domains": [null]}}""", "data.domains (line 1) must be a list of texts")]
    [InlineData("""{"data": {"rubricStates": ["accepted"]}}""", "data.rubricStates (line 1) must be a list of proposed, approved, edited")]
    [InlineData("""{"data": {"split": "train"}}""", "data.split (line 1) is not a field; fields here are sandbox, domains, rubricStates")]
    [InlineData("{\"steps\": 3,\n\"warmupSteps\": 1,\n\"steps\": 4}", "steps (line 3) is given twice")]
    [InlineData("{\"steps\": 3,\n\"seed\": }", "line 2 is not JSON")]
    [InlineData("""{} {}""", "is not JSON")]
    [InlineData("""[]""", "must be one JSON object")]
    [InlineData("", "is not JSON")]
    public void Read_Malformed_NamesPlaceAndFault(string json, string message)
    {
        File.WriteAllText(file, json);

        var fault = Assert.Throws<RunSpecException>(() => RunSpecFile.Read(file));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Single(fault.Faults);
    }

    [Fact]
    public void Read_HugeOrMissingFile_IsRefused()
    {
        File.WriteAllText(file, new string(' ', 2 << 20));

        Assert.Contains("too large", Assert.Throws<RunSpecException>(() => RunSpecFile.Read(file)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => RunSpecFile.Read(file + "x"));
    }

    [Fact]
    public void Apply_Settings_ChangesTheFields()
    {
        var spec = RunPresets.Apply(new RunSpec(), ["data.domains=ml, medicine", "seed=2", "name=trial", "learningRate=1e-4", "data.rubricStates=approved,edited", "DATA.sandbox=true"], "preset");

        Assert.Equal(["ml", "medicine"], spec.Data.Domains);
        Assert.Equal([RubricItemState.Approved, RubricItemState.Edited], spec.Data.RubricStates);
        Assert.Equal((2, "trial", 1e-4, true), (spec.Seed, spec.Name, spec.LearningRate, spec.Data.Sandbox));
        Assert.Equal(new RunSpec().Steps, spec.Steps);
        Assert.Empty(RunPresets.Apply(spec, ["data.domains="], "preset").Data.Domains);
    }

    [Fact]
    public void Apply_EngineSettings_AreReadAndChecked()
    {
        var spec = RunPresets.Apply(new RunSpec(), ["engine.precision=bf16", "engine.gradientCheckpointing=true", "engine.microBatchTokens=512"], "test");

        Assert.Equal(new EngineSpec { Precision = RunPrecision.Bf16, GradientCheckpointing = true, MicroBatchTokens = 512 }, spec.Engine);
        Assert.Equal((RunPrecision.Fp32, RunPrecision.Bf16), (RunPresets.Find("sandbox-grpo")!.Spec.Engine.Precision, RunPresets.Find("grpo-lora")!.Spec.Engine.Precision));
        var fault = Assert.Throws<RunSpecException>(() => RunPresets.Apply(new RunSpec(), ["engine.precision=int8", "engine.microBatchTokens=0"], "test"));
        Assert.Equal(["engine.precision", "engine.microBatchTokens"], fault.Faults.Select(f => f.Path));
    }

    [Fact]
    public void Apply_FaultySettings_NamesAllAtOnce()
    {
        var fault = Assert.Throws<RunSpecException>(() => RunPresets.Apply(new RunSpec(), ["step=3", "seed=two", "steps", "data=ml", "seed.x=1", "groupSize=1", "temperature=1e999"], "preset sandbox-grpo"));

        Assert.Equal(["step", "steps", "data", "seed.x", "seed", "groupSize", "temperature"], fault.Faults.Select(f => f.Path));
        Assert.Contains("step is not a field; did you mean steps?", fault.Message, StringComparison.Ordinal);
        Assert.Contains("seed must be a whole number, is \"two\"", fault.Message, StringComparison.Ordinal);
    }
}
