using CoScientist.Core.Runs;
using CoScientist.Training.Engines;
using CoScientist.Training.Protocols;
using CoScientist.Training.Sampling;

namespace CoScientist.Training.Trainers;

/// <summary>log p of every target under the frozen initial policy, as [group][branch][target].</summary>
internal delegate float[][][] ReferencePolicy(IReadOnlyList<TrainingGroup> groups, SamplingOptions options, CancellationToken cancellationToken);

/// <summary>One method at work on a policy. Every random number derives from the run's seed and the step, so that a resumed run repeats an unbroken one to the bit.</summary>
internal abstract class Trainer(IPolicyEngine policy, IPlanProtocol protocol, RunSpec spec, RunStage stage)
{
    /// <summary>Streams of random numbers below the run's seed; each use has its own.</summary>
    protected const int OrderStream = 1;

    /// <summary>Seeds of sampled plans.</summary>
    protected const int PlanStream = 2;

    /// <summary>Goals that replace those without variance.</summary>
    protected const int ResampleStream = 3;

    /// <summary>The model in training.</summary>
    protected IPolicyEngine Policy => policy;

    /// <summary>How it is asked for plans.</summary>
    protected IPlanProtocol Protocol => protocol;

    /// <summary>The run.</summary>
    protected RunSpec Spec => spec;

    /// <summary>Does one step.</summary>
    /// <param name="step">Steps of the run done before it.</param>
    /// <param name="tokensBefore">Tokens trained on before it.</param>
    /// <param name="cancellationToken">Cancels between passes; the weights are then unchanged.</param>
    /// <returns>Metrics of the step, and its plans.</returns>
    public abstract (RunMetrics Metrics, IReadOnlyList<RunSample> Samples) Step(int step, double tokensBefore, CancellationToken cancellationToken);

    /// <summary>Learning rate of a step: linear warm-up within the stage, then constant.</summary>
    protected double LearningRate(int step) =>
        spec.LearningRateOf(stage.Method) * Math.Min(1, (step - stage.FirstStep + 1.0) / Math.Max(1, spec.WarmupSteps));

    /// <summary>How plans are sampled in this run.</summary>
    public static SamplingOptions SamplingOf(RunSpec spec, IPlanProtocol protocol) => protocol.Sampling with
    {
        Temperature = spec.Temperature,
        TopP = spec.TopP,
        MaxNewTokens = spec.MaxNewTokens,
    };
}
