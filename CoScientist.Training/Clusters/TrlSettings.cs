using System.Text.Json.Nodes;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>What a specification is in the configuration of TRL's <c>GRPOTrainer</c>.</summary>
public static class TrlSettings
{
    /// <summary>What of a specification TRL cannot do, field by field; empty when it can run there.</summary>
    /// <param name="spec">The specification.</param>
    /// <param name="cluster">The machines.</param>
    public static IReadOnlyList<RunSpecFault> Faults(RunSpec spec, ClusterOptions cluster)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(cluster);
        List<RunSpecFault> faults = [.. ClusterFaults.Common(spec, "TRL")];
        var devices = cluster.Nodes * cluster.GpusPerNode;
        Refuse(RunSpec.ServerOf(spec.Grader) is null, "grader", $"must be a model server (\"server:NAME\") for TRL, is \"{spec.Grader}\": serve that checkpoint with vLLM or with 'serve --models' and name the server");
        Refuse(spec.Grpo is { KlCoefficient: > 0, Kl: KlEstimator.K1 }, "grpo.kl", "must be \"k3\": TRL takes the divergence into the loss only");
        Refuse(spec.Grpo.ResampleRounds > 0, "grpo.resampleRounds", "must be 0: TRL replaces no goals");
        Refuse(spec.GoalsPerStep * spec.GroupSize % devices != 0, "goalsPerStep", $"times groupSize must be divisible by the {devices} GPUs, is {spec.GoalsPerStep * spec.GroupSize}");
        return faults;

        void Refuse(bool isFault, string field, string message)
        {
            if (isFault)
            {
                faults.Add(new RunSpecFault(field, message));
            }
        }
    }

    /// <summary>What TRL does otherwise than this program, in sentences at their fields.</summary>
    public static IReadOnlyList<RunSpecFault> Warnings(RunSpec spec) => [.. ClusterFaults.Warnings(spec)];

    /// <summary>The settings as fields of <c>GRPOConfig</c>, with the field of the specification that each comes from. All are among <see cref="ClusterKeys.Trl"/>.</summary>
    /// <param name="job">The run.</param>
    /// <param name="cluster">The machines.</param>
    public static IReadOnlyList<(string Field, string Key, JsonNode Value)> Of(ClusterJob job, ClusterOptions cluster)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(cluster);
        var (spec, grpo) = (job.Spec, job.Spec.Grpo);
        var devices = cluster.Nodes * cluster.GpusPerNode;
        List<(string Field, string Key, JsonNode Value)> list =
        [
            ("name", "output_dir", job.Folder + "/checkpoints"),
            ("name", "run_name", job.Name),

            // TRL counts optimizer steps; each batch gives as many as it has epochs.
            ("steps", "max_steps", spec.Steps * grpo.Epochs),
            ("goalsPerStep", "gradient_accumulation_steps", spec.GoalsPerStep * spec.GroupSize / devices),
            ("", "per_device_train_batch_size", 1),
            ("groupSize", "num_generations", spec.GroupSize),
            ("learningRate", "learning_rate", spec.LearningRate),
            ("", "lr_scheduler_type", "constant_with_warmup"),
            ("warmupSteps", "warmup_steps", spec.WarmupSteps),
            ("", "adam_beta2", 0.95),
            ("", "weight_decay", 0.0),
            ("maxGradNorm", "max_grad_norm", spec.MaxGradNorm),
            ("clipLow", "epsilon", spec.ClipLow),
            ("clipHigh", "epsilon_high", spec.ClipHigh),
            ("temperature", "temperature", spec.Temperature),
            ("topP", "top_p", spec.TopP),
            ("maxNewTokens", "max_completion_length", spec.MaxNewTokens),
            ("evaluateEvery", "eval_steps", spec.EvaluateEvery * grpo.Epochs),
            ("evaluateEvery", "save_steps", spec.EvaluateEvery * grpo.Epochs),
            ("", "eval_strategy", "steps"),
            ("", "eval_on_start", true),
            ("", "per_device_eval_batch_size", 1),
            ("validationGoals", "num_generations_eval", 1),
            ("grpo.epochs", "num_iterations", grpo.Epochs),
            ("grpo.klCoefficient", "beta", grpo.KlCoefficient),
            ("grpo.scaling", "scale_rewards", grpo.Scaling switch { AdvantageScaling.Group => "group", AdvantageScaling.Batch => "batch", _ => "none" }),
            ("grpo.normalisation", "loss_type", grpo.Normalisation switch { LossNormalisation.SequenceMean => "grpo", LossNormalisation.Constant => "dr_grpo", _ => "dapo" }),
            ("grpo.ratio", "importance_sampling_level", grpo.Ratio == RatioLevel.Sequence ? "sequence" : "token"),
            ("grpo.entropyBonus", "entropy_coef", grpo.EntropyBonus),
            ("grpo.truncated", "mask_truncated_completions", grpo.Truncated == TruncatedPlans.Mask),
            ("engine.precision", "bf16", spec.Engine.Precision == RunPrecision.Bf16),
            ("engine.gradientCheckpointing", "gradient_checkpointing", spec.Engine.GradientCheckpointing),
            ("seed", "seed", spec.Seed),
            ("seed", "data_seed", spec.Seed),
            ("", "use_vllm", true),
            ("", "vllm_mode", "colocate"),
            ("", "vllm_gpu_memory_utilization", cluster.MemoryShare),
            ("", "vllm_tensor_parallel_size", cluster.TensorParallel),
            ("", "vllm_max_model_length", cluster.MaxPromptTokens + spec.MaxNewTokens),
            ("", "logging_steps", 1),
            ("", "report_to", "none"),
        ];
        ClusterKeys.Require(list.Select(setting => new ClusterSetting(setting.Field, setting.Key, "")), ClusterKeys.Trl);
        return list;
    }

    /// <summary>The adapter as fields of PEFT's <c>LoraConfig</c>; null when all weights are trained.</summary>
    public static JsonObject? Adapter(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return spec.Lora.Rank == 0 ? null : new JsonObject
        {
            ["r"] = spec.Lora.Rank,
            ["lora_alpha"] = spec.Lora.Alpha == Math.Truncate(spec.Lora.Alpha) ? (long)spec.Lora.Alpha : spec.Lora.Alpha,
            ["lora_dropout"] = spec.Lora.Dropout,
            ["use_rslora"] = spec.Lora.RankStabilised,
            ["target_modules"] = new JsonArray([.. spec.Lora.Modules.Select(module => (JsonNode)module)]),
            ["task_type"] = "CAUSAL_LM",
        };
    }
}
