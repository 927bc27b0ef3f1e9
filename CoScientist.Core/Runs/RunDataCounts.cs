using CoScientist.Core.Goals;

namespace CoScientist.Core.Runs;

/// <summary>How much of the library a choice of data takes.</summary>
/// <param name="Domains">One row a domain, by name.</param>
/// <param name="Items">Items of the training goals of the chosen domains, by state; those of rejected ones, too.</param>
public sealed record RunDataCounts(IReadOnlyList<DomainCount> Domains, IReadOnlyDictionary<RubricItemState, int> Items);

/// <summary>Goals of a domain that have an item that counts.</summary>
/// <param name="Domain">The domain.</param>
/// <param name="Chosen">Whether its training goals are used.</param>
/// <param name="Train">Goals to train on.</param>
/// <param name="Validation">Goals the judge can pick the checkpoint by.</param>
/// <param name="Test">Goals that can be reported on.</param>
public sealed record DomainCount(string Domain, bool Chosen, int Train, int Validation, int Test);
