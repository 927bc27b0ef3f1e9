namespace CoScientist.Web;

/// <summary>What faults say to people.</summary>
internal static class FaultText
{
    /// <summary>A fault's message without the name of a parameter, which .NET adds and which means nothing to people.</summary>
    public static string WithoutParameter(this Exception fault) => fault.Message.Split(" (Parameter", 2)[0];
}
