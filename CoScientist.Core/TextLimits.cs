namespace CoScientist.Core;

/// <summary>Bounds on work over untrusted text.</summary>
internal static class TextLimits
{
    /// <summary>Longest time one pattern may take over one text: no real paper needs a hundredth of it.</summary>
    public const int PatternMilliseconds = 10_000;
}
