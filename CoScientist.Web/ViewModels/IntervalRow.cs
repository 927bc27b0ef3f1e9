using CoScientist.Core.Statistics;

namespace CoScientist.Web.ViewModels;

/// <summary>A row of an interval chart.</summary>
/// <param name="Name">Whose estimate it is.</param>
/// <param name="Tone">Class of the colour: the same for the same source on every page.</param>
/// <param name="Estimate">The estimate, 0–1.</param>
/// <param name="Count">Number of units it is of.</param>
public sealed record IntervalRow(string Name, string Tone, Estimate Estimate, int Count);
