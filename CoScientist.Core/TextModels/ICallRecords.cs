namespace CoScientist.Core.TextModels;

/// <summary>What calls of a server have used so far.</summary>
/// <param name="Tokens">Tokens read and written.</param>
/// <param name="CostMicros">Millionths of the currency.</param>
public readonly record struct Spending(long Tokens, long CostMicros);

/// <summary>Where calls are written down and answers are kept: the database, seen from the domain.</summary>
public interface ICallRecords : IBudgetBook
{
    /// <summary>The answers that are known, by the hash of their request.</summary>
    /// <param name="keys">Hashes of requests.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<IReadOnlyDictionary<string, TextCompletion>> FindAnswersAsync(IReadOnlyCollection<string> keys, CancellationToken cancellationToken);

    /// <summary>Writes calls into the ledger, and with them, all or nothing, an answer to be kept or a failure to be shown.</summary>
    /// <param name="calls">Rows of the ledger.</param>
    /// <param name="answer">The answer of the call; it also ends an open failure of the same request. Null for none.</param>
    /// <param name="failure">The failure after the last try. Null for none.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task RecordAsync(IReadOnlyList<ModelCall> calls, ModelAnswer? answer, ModelFailure? failure, CancellationToken cancellationToken);

    /// <summary>Forgets an answer that could not be used, and lists its request as a failure.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task RejectAsync(ModelFailure failure, CancellationToken cancellationToken);

    /// <summary>What the calls of a server have used since a time.</summary>
    /// <param name="server">Name of the server.</param>
    /// <param name="since">The time.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<Spending> SpentAsync(string server, DateTimeOffset since, CancellationToken cancellationToken);
}
