using System.Reflection;
using System.Reflection.Emit;
using CoScientist.Core;
using CoScientist.Tests.Core.Storage;
using CoScientist.Tests.Shared;
using CoScientist.Training.Trainers;

namespace CoScientist.Tests;

/// <summary>Who may depend on whom: Web sees Training and Core, Training sees Core, Core sees neither; in Core the domain does not see storage.</summary>
public sealed class ArchitectureTests
{
    private const string Storage = "CoScientist.Core.Storage";
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Assembly Core = typeof(TypedId).Assembly;
    private static readonly Assembly Training = typeof(TrainingRun).Assembly;

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    [Fact]
    public void Projects_DependOnlyDownwards()
    {
        Assert.Empty(ProjectsSeenBy(Core));
        Assert.Equal(["CoScientist.Core"], ProjectsSeenBy(Training));
    }

    [Fact]
    public void DomainFolders_DoNotSeeStorage()
    {
        var offenders = Core.GetTypes()
            .Where(type => !IsIn(type, Storage) && !IsIn(type, "CoScientist.Core.Interchange"))
            .SelectMany(type => UsedBy(type).Where(used => IsIn(used, Storage)).Select(used => $"{type} uses {used}"))
            .Distinct(StringComparer.Ordinal);

        Assert.Empty(offenders);
    }

    [Fact]
    public void Requests_OfThePages_LeaveFromTheCallersOfConfiguredServersOnly()
    {
        Type[] ways = [typeof(HttpClient), typeof(HttpMessageInvoker), typeof(HttpClientHandler), typeof(SocketsHttpHandler), typeof(System.Net.Sockets.Socket), typeof(System.Net.Sockets.TcpClient), typeof(System.Net.Dns)];
        var callers = new[] { Core, typeof(CoScientist.Web.Components.App).Assembly }.SelectMany(assembly => assembly.GetTypes())
            .Where(type => UsedBy(type).Intersect(ways).Any())
            .Select(type => (type.DeclaringType ?? type).Name)
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

        // The model servers of the configuration and of their page, and the provider of single sign-on.
        Assert.Equal(["ConfiguredHostHandler", "OpenAiTextModel", "SingleSignOn"], callers);
    }

    /// <summary>
    /// Tests that work with a database say which: any (on SQLite, and by '.ci/postgres dotnet test --filter Database=any' on
    /// PostgreSQL; '.ci/run' says which of them it takes there), or file (they are about the SQLite file itself).
    /// </summary>
    [Fact]
    public void TestsOfADatabase_SayOnWhichTheyRun()
    {
        var own = typeof(ArchitectureTests).Assembly.GetTypes();
        var uses = own.ToDictionary(type => type, type => UsedBy(type).Select(used => used.IsGenericType ? used.GetGenericTypeDefinition() : used).Where(used => used.Assembly == type.Assembly).ToHashSet());
        HashSet<Type> reaching = [typeof(TestDatabase), typeof(TestPostgres), typeof(TestData)];
        int before;
        do
        {
            before = reaching.Count;
            reaching.UnionWith(own.Where(type => type != typeof(ArchitectureTests) && uses[type].Overlaps(reaching)).ToList());
        }
        while (reaching.Count > before);

        var offenders = own
            .Where(type => type.GetMethods().Any(method => method.GetCustomAttributes().OfType<FactAttribute>().Any()))
            .Where(type => !type.IsAbstract && reaching.Contains(type) != type.GetCustomAttributes<TraitAttribute>().Any(trait => trait is { Name: "Database", Value: "any" or "file" }))
            .Select(type => type.FullName)
            .Order(StringComparer.Ordinal)
            .ToList();

        Assert.True(offenders.Count == 0, $"Give these the trait Database, or take it away: {string.Join(", ", offenders)}");
    }

    [Fact]
    public void UsedBy_TypeWithUsesInBodiesAndSignatures_FindsThem()
    {
        var used = UsedBy(typeof(Example)).ToHashSet();

        Assert.Contains(typeof(Version), used); // field
        Assert.Contains(typeof(Uri), used); // parameter, inside a generic
        Assert.Contains(typeof(Path), used); // call in a body
    }

    private static HashSet<string> ProjectsSeenBy(Assembly assembly) =>
        [.. assembly.GetReferencedAssemblies().Select(name => name.Name!).Where(name => name.StartsWith("CoScientist", StringComparison.Ordinal))];

    private static bool IsIn(Type type, string space) =>
        type.Namespace is { } name && (name == space || name.StartsWith(space + ".", StringComparison.Ordinal));

    /// <summary>Every type named in a type's base, members and method bodies.</summary>
    private static IEnumerable<Type> UsedBy(Type type)
    {
        var bases = type.GetInterfaces().Append(type.BaseType);
        var fields = type.GetFields(Declared).Select(field => (Type?)field.FieldType);
        var methods = type.GetMethods(Declared).Cast<MethodBase>().Concat(type.GetConstructors(Declared)).ToList();
        var signatures = methods.SelectMany(method => method.GetParameters().Select(parameter => (Type?)parameter.ParameterType).Append((method as MethodInfo)?.ReturnType));
        var attributes = type.GetMembers(Declared).Append(type).SelectMany(member => member.CustomAttributes).Select(attribute => (Type?)attribute.AttributeType);
        return bases.Concat(fields).Concat(signatures).Concat(attributes).Concat(methods.SelectMany(InBody)).OfType<Type>().SelectMany(Flatten);
    }

    private static IEnumerable<Type> Flatten(Type type) =>
        type.HasElementType ? Flatten(type.GetElementType()!) : type.IsGenericType ? type.GetGenericArguments().SelectMany(Flatten).Append(type) : [type];

    private static IEnumerable<Type?> InBody(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
        {
            yield break;
        }

        foreach (var local in body.LocalVariables)
        {
            yield return local.LocalType;
        }

        var il = body.GetILAsByteArray()!;
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        for (var at = 0; at < il.Length;)
        {
            // Two-byte operations start with 0xFE.
            var code = OpCodes[il[at] == 0xFE ? (short)(0xFE00 | il[at + 1]) : il[at]];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
            {
                var member = method.Module.ResolveMember(BitConverter.ToInt32(il, at), typeArguments, methodArguments)!;
                yield return member as Type ?? member.DeclaringType;
                foreach (var argument in (member as MethodInfo)?.GetGenericArguments() ?? [])
                {
                    yield return argument;
                }
            }

            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    private sealed class Example
    {
        private readonly Version version = new(1, 0);

        public override string ToString() => Path.Combine(version.ToString(), Name([]));

        private static string Name(List<Uri[]> uris) => uris.Count == 0 ? "" : "some";
    }
}
