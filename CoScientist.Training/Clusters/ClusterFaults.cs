using CoScientist.Core.Runs;

namespace CoScientist.Training.Clusters;

/// <summary>What no trainer elsewhere does, and where the fields of a specification go that are no setting of theirs.</summary>
public static class ClusterFaults
{
    private const string Reward = "reward.json, which the reward function reads";
    private const string Rows = "the rows of the data";
    private const string Here = "this program";
    private const string Other = "another method: GRPO does not read it";

    /// <summary>Where each field goes that never becomes a trainer's setting, with the reason.</summary>
    public static IReadOnlyDictionary<string, string> Elsewhere { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["version"] = Here,
        ["stages"] = "refused: GRPO alone is handed over",
        ["judge"] = Reward,
        ["data.sandbox"] = "refused: the sandbox's grader reads likelihoods on this machine",
        ["data.domains"] = Rows,
        ["data.rubricStates"] = Rows,
        ["data.studies"] = Other,
        ["data.references"] = Other,
        ["reward.scoring"] = Reward,
        ["reward.levelValues"] = Reward,
        ["reward.specificWeight"] = Reward,
        ["reward.unfinishedPenalty"] = Reward,
        ["reward.malformedPenalty"] = "nothing: only the sandbox has a grammar",
        ["reward.overlongPenalty"] = Reward,
        ["reward.softLengthTokens"] = "refused unless 0: a reward function sees text and counts no tokens",
        ["grading.reference"] = Reward,
        ["grading.items"] = Reward,
        ["grading.verdicts"] = "refused unless \"answer\": servers tell no likelihoods of verdicts",
        ["grading.threshold"] = "nothing: verdicts are read in answers",
        ["grading.maxNewTokens"] = Reward,
        ["testGoals"] = Here + ": the closing evaluation, or 'evaluate', measures the fetched checkpoint",
        ["sft.learningRate"] = Other,
        ["sft.goalsPerStep"] = Other,
        ["opsd.learningRate"] = Other,
        ["opsd.plansPerGoal"] = Other,
        ["opsd.mixture"] = Other,
        ["dpo.learningRate"] = Other,
        ["dpo.beta"] = Other,
        ["dpo.pairsPerStep"] = Other,
        ["watch.gap"] = Here,
        ["watch.stop"] = Here,
        ["engine.kind"] = Here,
        ["threads"] = "nothing: threads of this machine",
        ["grpo.truncated"] = "refused by verl unless \"penalty\"",
        ["lora.dropout"] = "refused by verl unless 0",
        ["lora.rankStabilised"] = "refused by verl unless false",
        ["grpo.resampleRounds"] = "refused by TRL unless 0",
        ["engine.microBatchTokens"] = "nothing in TRL, which takes one plan at a time",
    };

    internal static IEnumerable<RunSpecFault> Common(RunSpec spec, string trainer)
    {
        if (spec.Method != "grpo")
        {
            yield return new RunSpecFault("method", $"must be \"grpo\" for {trainer}, is \"{spec.Method}\": other methods train on this machine");
        }

        if (spec.Data.Sandbox)
        {
            yield return new RunSpecFault("data.sandbox", $"must be false for {trainer}: the sandbox's grader reads token likelihoods on this machine");
        }

        if (RunSpec.ServerOf(spec.Judge) is null)
        {
            yield return new RunSpecFault("judge", $"must be a model server (\"server:NAME\") for {trainer}, is \"{spec.Judge}\": the cluster asks it over the network");
        }

        if (spec.Grading.Verdicts != VerdictReading.Answer)
        {
            yield return new RunSpecFault("grading.verdicts", $"must be \"answer\" for {trainer}");
        }

        if (spec.Reward.SoftLengthTokens > 0)
        {
            yield return new RunSpecFault("reward.softLengthTokens", $"must be 0 for {trainer}, is {spec.Reward.SoftLengthTokens}: its reward function sees text and counts no tokens");
        }
    }

    internal static IEnumerable<RunSpecFault> Warnings(RunSpec spec)
    {
        if (spec.Threads > 0)
        {
            yield return new RunSpecFault("threads", "is of no use: the run trains elsewhere");
        }

        if (spec.Reward.MalformedPenalty > 0 && spec.Reward.MalformedPenalty != new RewardSpec().MalformedPenalty)
        {
            yield return new RunSpecFault("reward.malformedPenalty", "is of no use: only the sandbox has a grammar");
        }

        yield return new RunSpecFault("testGoals", "are not looked at by the trainer: the closing evaluation, or 'evaluate', measures the fetched checkpoint on them");
    }
}
