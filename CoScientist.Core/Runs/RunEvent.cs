namespace CoScientist.Core.Runs;

/// <summary>Something a run tells while it works. Events are also written to the run's folder before they are raised.</summary>
/// <param name="Step">Optimizer steps done; 0 before the first.</param>
public abstract record RunEvent(int Step);

/// <summary>One line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Values">Metric names (TRL's where TRL has one) and values.</param>
public sealed record RunMetrics(int Step, IReadOnlyDictionary<string, double> Values) : RunEvent(Step);

/// <summary>One line of <c>samples.jsonl</c>: a plan, its reward and the grader's verdicts.</summary>
/// <param name="Step">Step at which it was sampled.</param>
/// <param name="Kind">"train" or "validation".</param>
/// <param name="GoalId">The goal.</param>
/// <param name="Goal">Its text.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Reward">Reward; null when ungraded.</param>
/// <param name="SelfGrade">Share of items the grader calls met; null when ungraded.</param>
/// <param name="JudgeScore">Share of items the judge calls met; null when not judged.</param>
/// <param name="Items">The rubric and the grader's verdicts.</param>
public sealed record RunSample(int Step, string Kind, string GoalId, string Goal, string Plan, double? Reward, double? SelfGrade, double? JudgeScore, IReadOnlyList<RunSampleItem> Items) : RunEvent(Step);

/// <summary>One item of a sample.</summary>
/// <param name="Text">The item's wording.</param>
/// <param name="Met">The grader's verdict; null when ungraded.</param>
/// <param name="Probability">The grader's probability of 'met'; null where it has none.</param>
/// <param name="JudgeMet">The judge's verdict; null when not judged.</param>
public sealed record RunSampleItem(string Text, bool? Met, double? Probability, bool? JudgeMet);

/// <summary>A checkpoint was written.</summary>
/// <param name="Step">Its step.</param>
/// <param name="Directory">Its folder, relative to the run's folder.</param>
/// <param name="JudgeScore">Judge's mean on the validation goals; null when not judged.</param>
/// <param name="IsBest">Whether it is the best so far.</param>
public sealed record RunCheckpoint(int Step, string Directory, double? JudgeScore, bool IsBest) : RunEvent(Step);

/// <summary>The watch has seen self-grade and judge part. The log says it, too.</summary>
/// <param name="Step">Step of the evaluation.</param>
/// <param name="Growth">Growth of the gap between them since the start.</param>
public sealed record RunParted(int Step, double Growth) : RunEvent(Step);

/// <summary>A line for people.</summary>
/// <param name="Step">Step at which it was said.</param>
/// <param name="Message">The line.</param>
public sealed record RunLog(int Step, string Message) : RunEvent(Step);

/// <summary>How an execution ended when it did not fail.</summary>
/// <param name="State"><see cref="RunState.Finished"/>, <see cref="RunState.Paused"/> or <see cref="RunState.Cancelled"/>.</param>
/// <param name="Result">The closing evaluation, when finished.</param>
public sealed record RunOutcome(RunState State, RunResult? Result);
