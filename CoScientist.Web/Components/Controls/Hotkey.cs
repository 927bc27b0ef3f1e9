namespace CoScientist.Web.Components.Controls;

/// <summary>A single-key command.</summary>
/// <param name="Key">Name of the key in lower case; "space"; "ctrl+enter" for a chord.</param>
/// <param name="Text">What it does, for the list of keys.</param>
/// <param name="Moves">Whether it only leads to something else: it is taken whatever has come to the screen since it was pressed.</param>
public sealed record Hotkey(string Key, string Text, bool Moves = false);
