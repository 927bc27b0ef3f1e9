namespace CoScientist.Tests.Core.Grading;

/// <summary>Graders' answers in the form of the text protocol.</summary>
internal static class PaperAnswers
{
    public const string Weaknesses = "The controls are thin.";

    /// <summary>An answer with these errors, item by item.</summary>
    public static string Of(params string[] errors) =>
        Weaknesses + "\n" + string.Join('\n', errors.Select((error, index) => Item($"{index + 1}", error)));

    public static string Item(string number, string errors, string reasoning = "It does.") =>
        $"<item num={number}>\n<criteria>asks for {number}</criteria>\n<reasoning>{reasoning}</reasoning>\n<errors>{errors}</errors>\n</item>";
}
