namespace CoScientist.Training.Tokenization;

/// <summary>A part of a prompt.</summary>
/// <param name="Text">The text.</param>
/// <param name="IsContent">Whether it was written by people, papers or models: nothing in it becomes a control token, whatever it spells.</param>
public readonly record struct TextSegment(string Text, bool IsContent);
