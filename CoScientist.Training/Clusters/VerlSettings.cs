using System.Globalization;
using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>
/// What a specification is in verl's configuration. verl is driven through its command line (<c>verl.trainer.main_ppo key=value …</c>);
/// departures of its GRPO from ours that no setting removes are told as warnings, those that would change the method are refused.
/// </summary>
public static class VerlSettings
{
    /// <summary>Name of verl's data source in the rows, which is part of the names of its validation metrics.</summary>
    public const string DataSource = "coscientist";

    private const string Actor = "actor_rollout_ref.actor.";
    private const string Rollout = "actor_rollout_ref.rollout.";
    private const string Model = "actor_rollout_ref.model.";
    private const string GraderModel = "reward.reward_model.";

    /// <summary>What of a specification verl cannot do, field by field; empty when it can run there.</summary>
    public static IReadOnlyList<RunSpecFault> Faults(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        List<RunSpecFault> faults = [.. ClusterFaults.Common(spec, "verl")];
        Refuse(spec.Grpo.Scaling == AdvantageScaling.Batch, "grpo.scaling", "must be \"none\" or \"group\": verl's GRPO divides by no deviation of the batch");
        Refuse(spec.Grpo.Truncated == TruncatedPlans.Mask, "grpo.truncated", "must be \"penalty\": verl leaves no plan that was cut off out of the loss");
        Refuse(spec.Lora.Rank > 0 && spec.Lora.Dropout > 0, "lora.dropout", "must be 0: verl's adapters have none");
        Refuse(spec.Lora.Rank > 0 && spec.Lora.RankStabilised, "lora.rankStabilised", "must be false: verl scales adapters by alpha / rank only");
        Refuse(spec.Lora.Rank > 0 && spec.Lora.Alpha != Math.Truncate(spec.Lora.Alpha), "lora.alpha", "must be a whole number for verl");
        return faults;

        void Refuse(bool isFault, string field, string message)
        {
            if (isFault)
            {
                faults.Add(new RunSpecFault(field, message));
            }
        }
    }

    /// <summary>What verl does otherwise than this program, in sentences at their fields.</summary>
    public static IReadOnlyList<RunSpecFault> Warnings(RunSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        List<RunSpecFault> warnings = [.. ClusterFaults.Warnings(spec)];
        if (spec.Grpo.ResampleRounds > 0)
        {
            warnings.Add(new RunSpecFault("grpo.resampleRounds", "has no limit in verl: goals whose plans all earn the same are replaced until the batch is full"));
        }

        return warnings;
    }

    /// <summary>Every setting of the run, in the order of the command line. All keys are among <see cref="ClusterKeys.Verl"/>.</summary>
    /// <param name="job">The run.</param>
    /// <param name="cluster">The machines.</param>
    public static IReadOnlyList<ClusterSetting> Of(ClusterJob job, ClusterOptions cluster)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(cluster);
        var list = new List<ClusterSetting>();
        Data(job, cluster, list);
        Optimisation(job.Spec, cluster, list);
        Objective(job.Spec, list);
        Writing(job.Spec, cluster, list);
        Rewarding(job, cluster, list);
        Schedule(job, cluster, list);
        ClusterKeys.Require(list, ClusterKeys.Verl);
        return list;
    }

    private static void Data(ClusterJob job, ClusterOptions cluster, List<ClusterSetting> list)
    {
        var spec = job.Spec;
        Add(list, "", "data.train_files", job.Folder + "/train.jsonl");
        Add(list, "validationGoals", "data.val_files", job.Folder + "/validation.jsonl");
        Add(list, "goalsPerStep", "data.train_batch_size", spec.GoalsPerStep);
        Add(list, "", "data.max_prompt_length", cluster.MaxPromptTokens);
        Add(list, "", "data.truncation", "error");
        Add(list, "maxNewTokens", "data.max_response_length", spec.MaxNewTokens);
        Add(list, "seed", "data.seed", spec.Seed);
        Add(list, "", "data.shuffle", true);
        Add(list, "model", Model + "path", job.Model);
        Add(list, "", Model + "use_remove_padding", true);
        Add(list, "engine.gradientCheckpointing", Model + "enable_gradient_checkpointing", spec.Engine.GradientCheckpointing);
        Add(list, "lora.rank", Model + "lora_rank", spec.Lora.Rank);
        if (spec.Lora.Rank > 0)
        {
            Add(list, "lora.alpha", Model + "lora_alpha", (long)spec.Lora.Alpha);
            Add(list, "lora.modules", Model + "target_modules", List(spec.Lora.Modules));
            Add(list, "", Rollout + "load_format", "safetensors");
        }
    }

    private static void Optimisation(RunSpec spec, ClusterOptions cluster, List<ClusterSetting> list)
    {
        Add(list, "learningRate", Actor + "optim.lr", spec.LearningRate);
        Add(list, "warmupSteps", Actor + "optim.lr_warmup_steps", spec.WarmupSteps);
        Add(list, "", Actor + "optim.lr_scheduler_type", "constant");
        Add(list, "", Actor + "optim.betas", "[0.9,0.95]");
        Add(list, "", Actor + "optim.weight_decay", 0.0);
        Add(list, "maxGradNorm", Actor + "optim.clip_grad", spec.MaxGradNorm);
        Add(list, "maxGradNorm", Actor + "grad_clip", spec.MaxGradNorm);
        Add(list, "goalsPerStep", Actor + "ppo_mini_batch_size", spec.GoalsPerStep);
        Add(list, "", Actor + "use_dynamic_bsz", true);

        // One sequence must fit whatever the specification says.
        Add(list, "engine.microBatchTokens", Actor + "ppo_max_token_len_per_gpu", Math.Max(spec.Engine.MicroBatchTokens, cluster.MaxPromptTokens + spec.MaxNewTokens));
        foreach (var part in new[] { Actor + "fsdp_config.", "actor_rollout_ref.ref.fsdp_config." })
        {
            Add(list, "engine.precision", part + "dtype", spec.Engine.Precision == RunPrecision.Bf16 ? "bfloat16" : "float32");
            Add(list, "seed", part + "seed", spec.Seed);
        }

        Add(list, "seed", Actor + "data_loader_seed", spec.Seed);
    }

    private static void Objective(RunSpec spec, List<ClusterSetting> list)
    {
        var grpo = spec.Grpo;
        Add(list, "method", "algorithm.adv_estimator", "grpo");
        Add(list, "grpo.scaling", "algorithm.norm_adv_by_std_in_grpo", grpo.Scaling == AdvantageScaling.Group);
        Add(list, "clipLow", Actor + "clip_ratio_low", spec.ClipLow);
        Add(list, "clipHigh", Actor + "clip_ratio_high", spec.ClipHigh);

        // Dual clipping of bad plans, which our loss has not: out of reach.
        Add(list, "", Actor + "clip_ratio_c", 10_000.0);
        Add(list, "grpo.ratio", Actor + "policy_loss.loss_mode", grpo.Ratio == RatioLevel.Sequence ? "gspo" : "vanilla");
        Add(list, "grpo.normalisation", Actor + "loss_agg_mode", grpo.Normalisation switch
        {
            LossNormalisation.SequenceMean => "seq-mean-token-mean",
            LossNormalisation.Constant => "seq-mean-token-sum-norm",
            _ => "token-mean",
        });
        if (grpo.Normalisation == LossNormalisation.Constant)
        {
            Add(list, "grpo.normalisation", Actor + "loss_scale_factor", spec.MaxNewTokens);
        }

        Add(list, "grpo.epochs", Actor + "ppo_epochs", grpo.Epochs);
        Add(list, "grpo.entropyBonus", Actor + "entropy_coeff", grpo.EntropyBonus);
        var (inLoss, inReward) = (grpo.KlCoefficient > 0 && grpo.Kl == KlEstimator.K3, grpo.KlCoefficient > 0 && grpo.Kl == KlEstimator.K1);
        Add(list, "grpo.kl", Actor + "use_kl_loss", inLoss);
        Add(list, "grpo.kl", "algorithm.use_kl_in_reward", inReward);
        if (inLoss)
        {
            Add(list, "grpo.klCoefficient", Actor + "kl_loss_coef", grpo.KlCoefficient);
            Add(list, "grpo.kl", Actor + "kl_loss_type", "low_var_kl");
        }

        if (inReward)
        {
            Add(list, "grpo.klCoefficient", "algorithm.kl_ctrl.kl_coef", grpo.KlCoefficient);
            Add(list, "grpo.kl", "algorithm.kl_penalty", "kl");
        }

        Add(list, "grpo.resampleRounds", "algorithm.filter_groups.enable", grpo.ResampleRounds > 0);
        if (grpo.ResampleRounds > 0)
        {
            Add(list, "grpo.resampleRounds", "algorithm.filter_groups.metric", "score");
        }
    }

    private static void Writing(RunSpec spec, ClusterOptions cluster, List<ClusterSetting> list)
    {
        Add(list, "", Rollout + "name", "vllm");
        Add(list, "groupSize", Rollout + "n", spec.GroupSize);
        Add(list, "temperature", Rollout + "temperature", spec.Temperature);
        Add(list, "topP", Rollout + "top_p", spec.TopP);
        Add(list, "seed", Rollout + "seed", spec.Seed);
        Add(list, "engine.precision", Rollout + "dtype", spec.Engine.Precision == RunPrecision.Bf16 ? "bfloat16" : "float32");
        Add(list, "", Rollout + "tensor_model_parallel_size", cluster.TensorParallel);
        Add(list, "", Rollout + "gpu_memory_utilization", cluster.MemoryShare);

        // The judge looks at plans as they are written in training, as here.
        Add(list, "temperature", Rollout + "val_kwargs.temperature", spec.Temperature);
        Add(list, "topP", Rollout + "val_kwargs.top_p", spec.TopP);
        Add(list, "", Rollout + "val_kwargs.do_sample", true);
        Add(list, "", Rollout + "val_kwargs.n", 1);
    }

    private static void Rewarding(ClusterJob job, ClusterOptions cluster, List<ClusterSetting> list)
    {
        Add(list, "", "reward.custom_reward_function.path", job.Folder + "/coscientist_verl.py");
        Add(list, "", "reward.custom_reward_function.name", "compute_score");

        // A plan without a grading is left out of its group; a group without any plan is replaced.
        Add(list, "", "trainer.use_v1", true);
        Add(list, "", "trainer.v1.trainer_mode", "sync");
        Add(list, "", "trainer.v1.sampler.sync_refill_failed_groups", true);
        var served = job.Grader.Endpoint is null;
        Add(list, "grader", GraderModel + "enable", served);
        if (served)
        {
            Add(list, "grader", GraderModel + "model_path", job.Grader.Model);
            Add(list, "", GraderModel + "enable_resource_pool", true);
            Add(list, "", GraderModel + "nnodes", 1);
            Add(list, "", GraderModel + "n_gpus_per_node", cluster.GraderGpus);
            Add(list, "", GraderModel + "rollout.name", "vllm");
            Add(list, "", GraderModel + "rollout.tensor_model_parallel_size", Math.Min(cluster.TensorParallel, cluster.GraderGpus));
            Add(list, "", GraderModel + "rollout.skip_tokenizer_init", false);
            Add(list, "grading.maxNewTokens", GraderModel + "rollout.response_length", job.Spec.Grading.MaxNewTokens);
        }
    }

    private static void Schedule(ClusterJob job, ClusterOptions cluster, List<ClusterSetting> list)
    {
        var spec = job.Spec;
        Add(list, "steps", "trainer.total_training_steps", spec.Steps);

        // More than the steps can take: they end the run, not the epochs.
        Add(list, "steps", "trainer.total_epochs", (spec.Steps * spec.GoalsPerStep / Math.Max(1, job.Data.Train.Count)) + 1);
        Add(list, "evaluateEvery", "trainer.test_freq", spec.EvaluateEvery);
        Add(list, "evaluateEvery", "trainer.save_freq", spec.EvaluateEvery);
        Add(list, "", "trainer.val_before_train", true);
        Add(list, "", "trainer.resume_mode", "auto");
        Add(list, "", "trainer.project_name", DataSource);
        Add(list, "name", "trainer.experiment_name", job.Name);
        Add(list, "", "trainer.default_local_dir", job.Folder + "/checkpoints");
        Add(list, "", "trainer.logger", "[console,file]");
        Add(list, "", "trainer.nnodes", cluster.Nodes);
        Add(list, "", "trainer.n_gpus_per_node", cluster.GpusPerNode);
        Add(list, "", Actor + "checkpoint.save_contents", spec.Lora.Rank > 0 ? "[model,optimizer,extra]" : "[model,optimizer,extra,hf_model]");
        Add(list, "", Actor + "checkpoint.load_contents", "[model,optimizer,extra]");
    }

    private static string List(IEnumerable<string> values) => $"[{string.Join(',', values)}]";

    private static void Add(List<ClusterSetting> list, string field, string key, object value) => list.Add(new ClusterSetting(field, key, value switch
    {
        bool flag => flag ? "True" : "False",
        double number when number == Math.Truncate(number) && Math.Abs(number) < 1e9 => number.ToString("0.0", CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(format: null, CultureInfo.InvariantCulture),
        _ => (string)value,
    }));
}
