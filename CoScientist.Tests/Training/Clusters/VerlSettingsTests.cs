using System.Text.Json;
using System.Text.Json.Nodes;
using CoScientist.Core.Runs;
using CoScientist.Training.Clusters;

namespace CoScientist.Tests.Training.Clusters;

public sealed class VerlSettingsTests
{
    private static readonly RunSpec Plain = new()
    {
        Name = "real",
        Model = "qwen",
        Judge = "server:judge",
        Data = new RunDataSpec { Sandbox = false },
    };

    /// <summary>Everything that has settings of its own, switched on.</summary>
    private static readonly RunSpec Rich = Plain with
    {
        Lora = new LoraSpec { Rank = 64 },
        Grpo = new GrpoSpec { KlCoefficient = 0.01, Normalisation = LossNormalisation.Constant, ResampleRounds = 1, Ratio = RatioLevel.Sequence },
        Seed = 7,
        LearningRate = 1e-6,
    };

    [Fact]
    public void Settings_OfManySpecifications_AreAllKnownToVerl()
    {
        foreach (var spec in new[] { Plain, Rich, Rich with { Grpo = Rich.Grpo with { Kl = KlEstimator.K1 } }, Plain with { Grader = "server:g" } })
        {
            var settings = VerlSettings.Of(Job(spec), new ClusterOptions());

            Assert.All(settings, setting => Assert.Contains(setting.Key, ClusterKeys.Verl));
            Assert.Equal(settings.Count, settings.DistinctBy(setting => setting.Key).Count());
        }

        Assert.All(TrlSettings.Of(Job(Rich with { Grader = "server:g" }), new ClusterOptions()), setting => Assert.Contains(setting.Key, ClusterKeys.Trl));
    }

    [Fact]
    public void EveryField_IsASettingOrHasAnotherPlace()
    {
        var fields = Leaves((JsonObject)JsonSerializer.SerializeToNode(new RunSpec(), RunSpec.JsonOptions)!, "").ToArray();
        var verl = VerlSettings.Of(Job(Rich), new ClusterOptions()).Select(setting => setting.Field);
        var trl = TrlSettings.Of(Job(Rich), new ClusterOptions()).Select(setting => setting.Field).Concat(["model", "grader", "method", "grpo.kl", "lora.rank", "lora.alpha", "lora.modules"]);

        Assert.Empty(fields.Except(verl).Except(ClusterFaults.Elsewhere.Keys));
        Assert.Empty(fields.Except(trl).Except(ClusterFaults.Elsewhere.Keys));
        Assert.Empty(ClusterFaults.Elsewhere.Keys.Except(fields));
    }

    [Fact]
    public void Settings_OfARichSpecification_SayWhatItSays()
    {
        var settings = VerlSettings.Of(Job(Rich), new ClusterOptions { Nodes = 2 }).ToDictionary(setting => setting.Key, setting => setting.Value, StringComparer.Ordinal);

        Assert.Equal("grpo", settings["algorithm.adv_estimator"]);
        Assert.Equal("False", settings["algorithm.norm_adv_by_std_in_grpo"]);
        Assert.Equal("8", settings["actor_rollout_ref.rollout.n"]);
        Assert.Equal("8", settings["actor_rollout_ref.actor.ppo_mini_batch_size"]);
        Assert.Equal("1E-06", settings["actor_rollout_ref.actor.optim.lr"]);
        Assert.Equal("0.28", settings["actor_rollout_ref.actor.clip_ratio_high"]);
        Assert.Equal("gspo", settings["actor_rollout_ref.actor.policy_loss.loss_mode"]);
        Assert.Equal("low_var_kl", settings["actor_rollout_ref.actor.kl_loss_type"]);
        Assert.Equal("160", settings["actor_rollout_ref.actor.loss_scale_factor"]);
        Assert.Equal("[q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj]", settings["actor_rollout_ref.model.target_modules"]);
        Assert.Equal("True", settings["reward.reward_model.enable"]);
        Assert.Equal("/models/qwen", settings["reward.reward_model.model_path"]);
        Assert.Equal("True", settings["trainer.v1.sampler.sync_refill_failed_groups"]);
        Assert.Equal("2", settings["trainer.nnodes"]);
    }

    [Fact]
    public void Faults_OfWhatTrainersLack_NameTheField()
    {
        var spec = Plain with
        {
            Method = "sft",
            Judge = "oracle",
            Data = new RunDataSpec(),
            Grpo = new GrpoSpec { Scaling = AdvantageScaling.Batch, Truncated = TruncatedPlans.Mask, KlCoefficient = 1, Kl = KlEstimator.K1, ResampleRounds = 1 },
            Lora = new LoraSpec { Rank = 4, Dropout = .1, RankStabilised = true, Alpha = 1.5 },
            Reward = new RewardSpec { SoftLengthTokens = 10 },
            Grading = new GradingSpec { Verdicts = VerdictReading.Likelihood },
            Threads = 2,
            GoalsPerStep = 3,
            GroupSize = 3,
        };

        Assert.Empty(VerlSettings.Faults(Plain));
        Assert.Equal(
            ["method", "data.sandbox", "judge", "grading.verdicts", "reward.softLengthTokens", "grpo.scaling", "grpo.truncated", "lora.dropout", "lora.rankStabilised", "lora.alpha"],
            VerlSettings.Faults(spec).Select(fault => fault.Path));
        Assert.Equal(
            ["method", "data.sandbox", "judge", "grading.verdicts", "reward.softLengthTokens", "grader", "grpo.kl", "grpo.resampleRounds", "goalsPerStep"],
            TrlSettings.Faults(spec, new ClusterOptions()).Select(fault => fault.Path));
        Assert.Equal(["threads", "testGoals", "grpo.resampleRounds"], VerlSettings.Warnings(spec).Select(warning => warning.Path));
    }

    private static ClusterJob Job(RunSpec spec) => new("real-1", spec, new RunData([], [], []), "/shared/runs/real-1", "/models/qwen", spec.Grader == "initial" ? new ClusterGrader("/models/qwen", null) : new ClusterGrader("g", "http://g/v1"), new ClusterGrader("j", "http://j/v1", "J_KEY"));

    private static IEnumerable<string> Leaves(JsonObject group, string prefix) => group.SelectMany(field =>
        field.Value is JsonObject inner ? Leaves(inner, prefix + field.Key + ".") : [prefix + field.Key]);
}
