namespace CoScientist.Core.Runs;

/// <summary>What a finished run reports, measured on test goals that were neither trained on nor used to pick the checkpoint.</summary>
public sealed record RunResult
{
    /// <summary>Name of the run.</summary>
    public required string Run { get; init; }

    /// <summary>State at the end.</summary>
    public required RunState State { get; init; }

    /// <summary>Who judged, as the specification names it. Fields named after the oracle hold this judge's scores.</summary>
    public string Judge { get; init; } = RunSpec.Oracle;

    /// <summary>Optimizer steps done.</summary>
    public required int Steps { get; init; }

    /// <summary>Step of the judge-picked checkpoint.</summary>
    public required int BestStep { get; init; }

    /// <summary>Number of test goals whose plans the judge could read.</summary>
    public required int Goals { get; init; }

    /// <summary>Judge's mean score of the base model's sampled plans, 0–1.</summary>
    public required double BaseOracleScore { get; init; }

    /// <summary>Judge's mean score of the picked checkpoint's sampled plans, 0–1.</summary>
    public required double OracleScore { get; init; }

    /// <summary>Mean difference of the two per goal, lower end of the 95% bootstrap interval over goals.</summary>
    public required double OracleGainLow { get; init; }

    /// <summary>Upper end of the same interval.</summary>
    public required double OracleGainHigh { get; init; }

    /// <summary>The base's score with greedy decoding.</summary>
    public required double BaseOracleScoreGreedy { get; init; }

    /// <summary>The picked checkpoint's score with greedy decoding.</summary>
    public required double OracleScoreGreedy { get; init; }

    /// <summary>Grader's mean score of the base's sampled plans; null when it could read none.</summary>
    public required double? BaseSelfGrade { get; init; }

    /// <summary>The same of the picked checkpoint's sampled plans.</summary>
    public required double? SelfGrade { get; init; }

    /// <summary>Share of test goals where the picked checkpoint's plan beats the base's under the judge, ties half.</summary>
    public required double WinRate { get; init; }

    /// <summary>Lower end of the 95% bootstrap interval over goals.</summary>
    public required double WinRateLow { get; init; }

    /// <summary>Upper end of the same interval.</summary>
    public required double WinRateHigh { get; init; }

    /// <summary>Share of the picked checkpoint's sampled plans that are well formed.</summary>
    public required double WellFormed { get; init; }

    /// <summary>Mean seconds per training step, evaluation left out.</summary>
    public required double SecondsPerStep { get; init; }

    /// <summary>Scores per domain, for the cross-domain table.</summary>
    public Dictionary<string, DomainResult> Domains { get; init; } = new(StringComparer.Ordinal);
}

/// <summary>One row of the cross-domain table.</summary>
/// <param name="Goals">Number of test goals.</param>
/// <param name="BaseOracleScore">Judge's mean score of the base.</param>
/// <param name="OracleScore">Judge's mean score of the picked checkpoint.</param>
/// <param name="WinRate">Share of goals won, ties half.</param>
public sealed record DomainResult(int Goals, double BaseOracleScore, double OracleScore, double WinRate);
