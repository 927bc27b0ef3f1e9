namespace CoScientist.Core.Statistics;

/// <summary>A number with its 95% interval.</summary>
/// <param name="Value">Point estimate.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end of the interval.</param>
public readonly record struct Estimate(double Value, double Low, double High);
